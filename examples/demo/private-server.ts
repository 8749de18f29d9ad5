import { once } from "node:events";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { programs, startServerProcess } from "./server-process.ts";

/** A server that belongs to this process. */
export interface PrivateServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts a server on a free port of the loopback interface. It keeps nothing on disk and never outlives this process. */
export async function startPrivateServer(): Promise<PrivateServer> {
  for (const program of programs) {
    // Somebody else may take the free port before the server does, so it has more than one try.
    for (let attempt = 1; attempt <= 3; attempt++) {
      const port = await freePort();
      const started = await startServerProcess(program, { port, dir: tmpdir() });
      if (started === "no such program") break;
      if (started !== "ended") return { url: `redis://127.0.0.1:${port}`, stop: () => started.end() };
    }
  }
  throw new Error(`Could not start ${programs.join(" or ")}. Install one, or set REDIS_URL.`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no free port");
  return address.port;
}

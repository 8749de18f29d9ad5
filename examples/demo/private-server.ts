import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { setTimeout as delay } from "node:timers/promises";

/** A server that belongs to this process. */
export interface PrivateServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** The programs to try; `npm run demo` names one that it has found or installed. */
const programs = process.env.TIDINGS_SERVER ? [process.env.TIDINGS_SERVER] : ["redis-server", "valkey-server"];

/** Starts a server on a free port of the loopback interface. It keeps nothing on disk and never outlives this process. */
export async function startPrivateServer(): Promise<PrivateServer> {
  for (const program of programs) {
    // Somebody else may take the free port before the server does, so it has more than one try.
    for (let attempt = 1; attempt <= 3; attempt++) {
      const started = await start(program, await freePort());
      if (started === "no such program") break;
      if (started !== "ended") return started;
    }
  }
  throw new Error(`Could not start ${programs.join(" or ")}. Install one, or set REDIS_URL.`);
}

async function start(program: string, port: number): Promise<PrivateServer | "no such program" | "ended"> {
  const options = { port, bind: "127.0.0.1", save: "", appendonly: "no", dir: tmpdir() };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"] });

  // At the end of this process, however it comes about, there is time for nothing slower than this.
  const kill = (): void => void child.kill("SIGKILL");
  process.on("exit", kill);
  const gone = new Promise<"no such program" | "ended">((resolve) => {
    child.once("error", () => resolve("no such program"));
    child.once("exit", () => resolve("ended"));
  });
  void gone.then(() => process.off("exit", kill));

  const outcome = await Promise.race([ready(child), gone, delay(10_000, "late" as const, { ref: false })]);
  if (outcome === "late") kill();
  if (outcome !== "ready") return outcome === "late" ? gone : outcome;

  return {
    url: `redis://127.0.0.1:${port}`,
    stop: async () => {
      child.kill("SIGTERM");
      const patience = setTimeout(kill, 3000);
      await gone;
      clearTimeout(patience);
    },
  };
}

/** Resolves when the server says that it accepts connections; goes on reading, so that the server never blocks. */
function ready(child: ChildProcess): Promise<"ready"> {
  return new Promise((resolve) => {
    let output = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      if (output.length < 100_000) output += text;
      if (output.includes("Ready to accept connections")) resolve("ready");
    });
  });
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

import { startServer as start } from "tidings/testing";
import { ControlClient } from "./control-client.ts";
import type { RedisServer } from "./redis-server.ts";

/** What scenarios use of a server, so that they run on that of tidings/testing too. */
export type AnyServer = Pick<RedisServer, "port" | "url" | "urlAt" | "control" | "stop">;

/** The name of the tests' own connection, in place of a user of its own. */
export const CONTROL_NAME = "control";

/** The server of tidings/testing, in the shape of a real one. */
export async function startTestingServer(): Promise<AnyServer> {
  const server = await start();
  const control = new ControlClient({ port: server.port });
  await control.command("CLIENT", "SETNAME", CONTROL_NAME);
  return {
    port: server.port,
    url: server.url,
    urlAt: (port) => `redis://127.0.0.1:${port}`,
    control,
    async stop() {
      await control.disconnect();
      await server.close();
    },
  };
}

import { Connection, type Timeouts } from "../../../src/connection/connection.ts";
import type { ConnectionSettings } from "../../../src/connection/settings.ts";

/** A connection that nothing disturbs while a test runs. */
export const patient: Timeouts = { maxIdle: 60_000, replyTimeout: 30_000, anyByteCounts: false };

export function settingsFor(port: number, given: Partial<ConnectionSettings> = {}): ConnectionSettings {
  return {
    endpoint: { host: "127.0.0.1", port },
    tls: null,
    credentials: () => ({}),
    rotates: false,
    clientName: null,
    clientInfo: true,
    protocol: 3,
    db: 0,
    connectTimeout: 10_000,
    lookup: undefined,
    family: 0,
    ...given,
  };
}

/** A connection to a server on loopback, closed with the block. */
export async function dial(
  port: number,
  timeouts: Partial<Timeouts> = {},
  given: Partial<ConnectionSettings> = {},
): Promise<Connection & AsyncDisposable> {
  const connection = await Connection.open(settingsFor(port, given), { ...patient, ...timeouts });
  return Object.assign(connection, {
    async [Symbol.asyncDispose](): Promise<void> {
      connection.destroy(new Error("the test is over"));
      await connection.gone;
    },
  });
}

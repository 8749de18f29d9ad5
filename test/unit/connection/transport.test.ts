import { once } from "node:events";
import { createServer, type LookupFunction, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import { afterEach, describe, expect, test } from "vitest";
import type { ConnectionSettings } from "../../../src/connection/settings.ts";
import { openSocket } from "../../../src/connection/transport.ts";
import { ConnectionError } from "../../../src/errors.ts";
import { certificates } from "../../support/certificates.ts";
import { eventually } from "../../support/eventually.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { settingsFor } from "./dial.ts";

const opened: Socket[] = [];
const servers: Server[] = [];
afterEach(async () => {
  for (const socket of opened.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) {
    server.close();
    await once(server, "close");
  }
});

/** A server that keeps what it accepted; `listen` names a port or a path. */
async function listening(listen: number | string = 0, server: Server = createServer(), event = "connection") {
  const accepted: Socket[] = [];
  server.on(event, (socket: Socket) => {
    accepted.push(socket);
    opened.push(socket);
    socket.on("error", () => {});
  });
  if (typeof listen === "number") server.listen(listen, "127.0.0.1");
  else server.listen(listen);
  await once(server, "listening");
  servers.push(server);
  const address = server.address();
  return { accepted, port: typeof address === "object" && address !== null ? address.port : 0 };
}

/** Opens a socket; notes what it tells. */
function open(settings: ConnectionSettings) {
  const memory = Buffer.alloc(8);
  const told: unknown[] = [];
  const received: Buffer[] = [];
  let asked = 0;
  const socket = openSocket(settings, {
    space: () => {
      asked++;
      return memory;
    },
    received: (count) => void received.push(Buffer.from(memory.subarray(0, count))),
    open: () => told.push("open"),
    gone: (cause) => told.push({ gone: cause }),
  });
  opened.push(socket);
  return { socket, told, text: () => Buffer.concat(received).toString(), spaces: () => asked };
}

const until = (told: readonly unknown[], count: number): Promise<void> =>
  eventually(() => expect(told).toHaveLength(count));

describe("a socket", () => {
  test("tells that it is open, what it received, and that the peer closed it in order", async () => {
    const { accepted, port } = await listening();
    const { socket, told, text, spaces } = open(settingsFor(port));
    await until(told, 1);
    expect(told).toEqual(["open"]);
    // More than the memory holds at once.
    accepted[0]?.write("0123456789abcdefghij");
    await eventually(() => expect(text()).toBe("0123456789abcdefghij"));
    expect(spaces()).toBeGreaterThanOrEqual(3);
    const heard = once(accepted[0] as Socket, "data");
    socket.write("PING");
    expect(String((await heard)[0])).toBe("PING");
    accepted[0]?.end();
    socket.end();
    await until(told, 2);
    expect(told).toEqual(["open", { gone: null }]);
  });

  test("tells the error that ended it", async () => {
    const { accepted, port } = await listening();
    const { told } = open(settingsFor(port));
    await eventually(() => expect(accepted).toHaveLength(1));
    await until(told, 1);
    accepted[0]?.resetAndDestroy();
    await until(told, 2);
    expect(told[1]).toEqual({ gone: expect.objectContaining({ code: "ECONNRESET" }) });
  });

  test("that cannot be opened tells why, and nothing else", async () => {
    const { told } = open(settingsFor(1));
    await until(told, 1);
    expect(told).toEqual([{ gone: expect.objectContaining({ code: "ECONNREFUSED" }) }]);
  });

  test("may be that of a unix path", async () => {
    const path = join(temporaryDirectory(), "redis.sock");
    const { accepted } = await listening(path);
    const { told, text } = open(settingsFor(0, { endpoint: { path } }));
    await until(told, 1);
    accepted[0]?.write("+OK\r\n");
    await eventually(() => expect(text()).toBe("+OK\r\n"));
  });
});

describe("a lookup", () => {
  const asked: unknown[] = [];
  const named = (port: number, lookup: LookupFunction, family: 0 | 4 = 0): ConnectionSettings =>
    settingsFor(port, { endpoint: { host: "redis.example", port }, lookup, family });

  test.each<[string, unknown[]]>([
    ["one address and its family", ["127.0.0.1", 4]],
    ["one address alone", ["127.0.0.1"]],
    ["a list", [[{ address: "127.0.0.1", family: 4 }]]],
    ["a list of texts", [["127.0.0.1"]]],
  ])("may answer with %s, whether one address or all are asked for", async (_what, answer) => {
    const { port } = await listening();
    // For one kind of addresses Node asks for one, else for all.
    for (const family of [0, 4] as const) {
      const lookup = ((
        host: string,
        options: { all?: boolean; family?: number },
        callback: (...args: unknown[]) => void,
      ) => {
        asked.push([host, options.all === true, options.family]);
        callback(null, ...answer);
      }) as unknown as LookupFunction;
      const { told } = open(named(port, lookup, family));
      await until(told, 1);
      expect(told).toEqual(["open"]);
    }
    expect(asked.slice(-2)).toEqual([
      ["redis.example", true, 0],
      ["redis.example", false, 4],
    ]);
  });

  test.each<[string, unknown[]]>([
    ["no address", [[]]],
    ["what is no address", ["redis.example", 4]],
    ["nothing", []],
  ])("that answers with %s is named as the reason", async (_what, answer) => {
    const lookup = ((_host: string, _options: unknown, callback: (...args: unknown[]) => void) =>
      callback(null, ...answer)) as unknown as LookupFunction;
    const { told } = open(named(1, lookup));
    await until(told, 1);
    expect(told).toEqual([{ gone: expect.any(ConnectionError) }]);
    expect(String((told[0] as { gone: Error }).gone)).toContain("gave no address for redis.example");
  });

  test("that fails is the reason itself", async () => {
    const failure = Object.assign(new Error("no such host"), { code: "ENOTFOUND" });
    const lookup: LookupFunction = (_host, _options, callback) => callback(failure, "", 0);
    const { told } = open(named(1, lookup));
    await until(told, 1);
    expect(told).toEqual([{ gone: failure }]);
  });

  test("gives an address of one kind where that is asked for", async () => {
    const answers: unknown[] = [];
    const lookup: LookupFunction = (_host, options, callback) => {
      answers.push(options.all);
      callback(null, [
        { address: "127.0.0.1", family: 4 },
        { address: "::1", family: 6 },
      ]);
    };
    const { port } = await listening();
    const { told } = open(named(port, lookup, 4));
    await until(told, 1);
    expect([told, answers.length]).toEqual([["open"], 1]);
  });
});

describe("TLS", () => {
  async function secure() {
    const { ca, server } = await certificates();
    const names: unknown[] = [];
    const { accepted, port } = await listening(
      0,
      createTlsServer({
        key: server.key,
        cert: server.cert,
        SNICallback: (name, callback) => {
          names.push(name);
          callback(null);
        },
      }),
      "secureConnection",
    );
    return { accepted, port, names, ca: ca.cert };
  }
  const toLoopback: LookupFunction = (_host, _options, callback) => callback(null, "127.0.0.1", 4);

  test("is open once the certificate is verified, with the host's name as the server's", async () => {
    const { accepted, port, names, ca } = await secure();
    const endpoint = { host: "localhost", port };
    const { told, text } = open(settingsFor(port, { endpoint, tls: { ca }, lookup: toLoopback }));
    await until(told, 1);
    expect([told, names]).toEqual([["open"], ["localhost"]]);
    await eventually(() => expect(accepted).toHaveLength(1));
    (accepted[0] as TLSSocket).write("+OK\r\n");
    await eventually(() => expect(text()).toBe("+OK\r\n"));
  });

  test("sends the name that the options give, and none for an address", async () => {
    const { port, names, ca } = await secure();
    const endpoint = { host: "elsewhere", port };
    const given = open(settingsFor(port, { endpoint, tls: { ca, servername: "localhost" }, lookup: toLoopback }));
    await until(given.told, 1);
    expect([given.told, names]).toEqual([["open"], ["localhost"]]);
    const numeric = open(settingsFor(port, { tls: { ca } }));
    await until(numeric.told, 1);
    expect([numeric.told, names]).toEqual([["open"], ["localhost"]]);
  });

  test("is not open where the certificate is another one's", async () => {
    const { port } = await secure();
    const { told } = open(settingsFor(port, { tls: {} }));
    await until(told, 1);
    expect(told).toEqual([
      { gone: expect.objectContaining({ code: expect.stringMatching(/CERT|SELF_SIGNED|ISSUER|VERIFY/) }) },
    ]);
  });
});

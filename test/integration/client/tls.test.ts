import { createServer, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { noRetry, Redis, type RedisOptions } from "../../../src/index.ts";
import { type Certificates, certificates } from "../../support/certificates.ts";
import { type RedisServer, startServer } from "../../support/redis-server.ts";
import { reasonOf } from "./outcome.ts";

let made: Certificates;
let server: RedisServer;
let strict: RedisServer;

beforeAll(async () => {
  made = await certificates();
  const tls = { cert: made.server.cert, key: made.server.key, ca: made.ca.cert };
  [server, strict] = await Promise.all([
    startServer({ tls }),
    startServer({ tls: { ...tls, clientAuth: true }, password: "hunter2" }),
  ]);
});

afterAll(() => Promise.all([server.stop(), strict.stop()]));

/** Why a client with these options cannot connect: the error and its causes, in one line. */
async function refusal(url: string, options: RedisOptions): Promise<string> {
  await using client = new Redis(url, { retryPolicy: noRetry(), connectTimeout: 5000, ...options });
  const reason = await reasonOf(client.connect());
  const chain = [reason];
  for (let cause = reason.cause; cause instanceof Error; cause = cause.cause) chain.push(cause);
  return chain.map((error) => `${error.message} ${String(Reflect.get(error, "code"))}`).join(" < ");
}

describe("a TLS server", () => {
  test.each(["rediss", "valkeys"])("is reached by %s:// with its own authority", async (scheme) => {
    await using client = new Redis(`${scheme}://localhost:${server.port}`, { tls: { ca: made.ca.cert } });
    expect(await client.call("PING")).toBe("PONG");
  });

  test("is reached by redis:// with TLS options, and by host and port", async () => {
    const tls = { ca: made.ca.cert };
    await using one = new Redis(`redis://localhost:${server.port}`, { tls });
    await using other = new Redis({ host: "127.0.0.1", port: server.port, tls });
    expect(await Promise.all([one.call("PING"), other.call("PING")])).toEqual(["PONG", "PONG"]);
  });

  test("serves consumers and large payloads", async () => {
    await using client = new Redis(server.url, { tls: { ca: made.ca.cert } });
    await using consumer = await client.pubsub({ channels: "tls", ignoreSubscribeMessages: true });
    const large = "x".repeat(2_000_000);
    expect(await client.publish("tls", large)).toBe(1);
    expect(await client.publish("tls", "small")).toBe(1);
    expect((await consumer.receive({ timeout: 10_000 })).data === large).toBe(true);
    expect(await consumer.receive({ timeout: 10_000 })).toMatchObject({ data: "small" });
  });

  test("in RESP2 too", async () => {
    await using client = new Redis(server.url, { tls: { ca: made.ca.cert }, protocol: 2 });
    expect(await client.call("PING")).toBe("PONG");
  });

  test("is not reached without TLS", async () => {
    expect(await refusal(`redis://localhost:${server.port}`, { connectTimeout: 2000 })).toMatch(/CONNECTION|TIMEOUT/);
  });
});

describe("the server's certificate", () => {
  test("is verified by default", async () => {
    expect(await refusal(server.url, {})).toMatch(/UNABLE_TO_VERIFY|SELF_SIGNED|UNABLE_TO_GET_ISSUER/);
    expect(await refusal(server.url, { tls: {} })).toMatch(/UNABLE_TO_VERIFY|SELF_SIGNED|UNABLE_TO_GET_ISSUER/);
    expect(await refusal(server.url, { tls: true })).toMatch(/UNABLE_TO_VERIFY|SELF_SIGNED|UNABLE_TO_GET_ISSUER/);
  });

  test("of another authority is refused", async () => {
    const refused = await refusal(server.url, { tls: { ca: made.strangerCa.cert } });
    expect(refused).toMatch(/UNABLE_TO_VERIFY|SELF_SIGNED|UNABLE_TO_GET_ISSUER|SIGNATURE/);
  });

  test("for another name is refused", async () => {
    const tls = { ca: made.ca.cert, servername: "example.org" };
    expect(await refusal(server.url, { tls })).toContain("ERR_TLS_CERT_ALTNAME_INVALID");
  });

  test("for another name is refused where the name came by the URL", async () => {
    const lookup: RedisOptions["lookup"] = (_host, options, callback) => {
      if (options.all) callback(null, [{ address: "127.0.0.1", family: 4 }]);
      else callback(null, "127.0.0.1", 4);
    };
    const url = `rediss://redis.example.org:${server.port}`;
    expect(await refusal(url, { tls: { ca: made.ca.cert }, lookup })).toContain("ERR_TLS_CERT_ALTNAME_INVALID");
  });

  test("may go unverified only where that is said", async () => {
    await using client = new Redis(server.url, { tls: { rejectUnauthorized: false } });
    expect(await client.call("PING")).toBe("PONG");
  });
});

describe("a server that asks for client certificates", () => {
  test("accepts one that its authority signed", async () => {
    const tls = { ca: made.ca.cert, cert: made.client.cert, key: made.client.key };
    await using client = new Redis(strict.url, { tls });
    expect(await client.call("PING")).toBe("PONG");
  });

  test("refuses a client without, and the error shows no password", async () => {
    const refused = await refusal(strict.url, { tls: { ca: made.ca.cert } });
    expect(refused).toMatch(/^The connection to localhost:\d+ /);
    expect(refused).toMatch(/CERTIFICATE_REQUIRED|HANDSHAKE|ECONNRESET|closed by the server/i);
    expect(refused).not.toContain("hunter2");
  });
});

describe("the server name (SNI)", () => {
  /** What a client says to a TLS server, up to its first command. */
  async function serverName(host: string, options: RedisOptions): Promise<string | false | null> {
    let heard: (name: string | false | null) => void = () => {};
    const said = new Promise<string | false | null>((resolve) => {
      heard = resolve;
    });
    const sockets: TLSSocket[] = [];
    const listener = createServer({ cert: made.server.cert, key: made.server.key }, (socket) => {
      sockets.push(socket);
      socket.on("error", () => {});
      heard(socket.servername);
    });
    await new Promise<void>((resolve) => {
      listener.listen(0, "127.0.0.1", resolve);
    });
    const address = listener.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const client = new Redis({ host, port, ...options });
    const connecting = client.connect().catch(() => {});
    try {
      return await said;
    } finally {
      await client.close();
      await connecting;
      for (const socket of sockets) socket.destroy();
      listener.close();
    }
  }

  const lookup: RedisOptions["lookup"] = (_host, options, callback) => {
    if (options.all) callback(null, [{ address: "127.0.0.1", family: 4 }]);
    else callback(null, "127.0.0.1", 4);
  };

  test("is the host's name", async () => {
    expect(await serverName("localhost", { tls: { ca: made.ca.cert } })).toBe("localhost");
  });

  test("is the host's name with a lookup of one's own", async () => {
    expect(await serverName("localhost", { tls: { ca: made.ca.cert }, lookup })).toBe("localhost");
  });

  test("is the one of the options before the host's", async () => {
    expect(await serverName("127.0.0.1", { tls: { ca: made.ca.cert, servername: "localhost" } })).toBe("localhost");
  });

  test("is not sent for an address", async () => {
    expect(await serverName("127.0.0.1", { tls: { ca: made.ca.cert } })).toBeFalsy();
  });
});

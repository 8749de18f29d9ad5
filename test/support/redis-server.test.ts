import { existsSync } from "node:fs";
import * as net from "node:net";
import { dirname } from "node:path";
import { connect as connectTls } from "node:tls";
import { afterEach, describe, expect, test } from "vitest";
import { certificates } from "./certificates.ts";
import { clientList, killClient, killSubscribers, subscriberClients } from "./clients.ts";
import { ControlClient } from "./control-client.ts";
import { eventually } from "./eventually.ts";
import { freePort } from "./free-port.ts";
import { type RedisServer, startServer } from "./redis-server.ts";
import type { ServerOptions } from "./server-config.ts";

describe("a private server", () => {
  const servers: RedisServer[] = [];

  const start = async (options?: ServerOptions): Promise<RedisServer> => {
    const server = await startServer(options);
    servers.push(server);
    return server;
  };

  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.stop()));
  });

  test("answers on its port and leaves nothing behind", async () => {
    const server = await start();
    await using client = new ControlClient({ port: server.port });
    expect(await client.command("PING")).toBe("PONG");
    const { pid, socketPath } = server;
    await server.stop();
    expect(server.alive).toBe(false);
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
    expect(existsSync(dirname(socketPath))).toBe(false);
  });

  test.each(["SIGTERM", "SIGKILL"] as const)("restarts on the same port after %s", async (signal) => {
    const server = await start();
    const { port, pid } = server;
    await using client = new ControlClient({ port });
    await client.command("PING");
    await server.restart({ signal });
    expect(server.pid).not.toBe(pid);
    expect(server.port).toBe(port);
    expect(await server.control.command("PING")).toBe("PONG");
    await eventually(async () => expect(await client.command("PING")).toBe("PONG"));
  });

  test("is down between a crash and the next start", async () => {
    const server = await start();
    await server.kill();
    expect(() => server.pid).toThrow("not running");
    await expect(server.control.command("PING")).rejects.toThrow("had no reply");
    await server.start();
    expect(await server.control.command("PING")).toBe("PONG");
  });

  test("freezes and thaws; frozen it can still be stopped", async () => {
    const server = await start();
    server.freeze();
    const impatient = server.openControl(100);
    await expect(impatient.command("PING")).rejects.toThrow("had no reply");
    server.thaw();
    expect(await impatient.command("PING")).toBe("PONG");
    server.freeze();
    await server.stop();
    expect(server.alive).toBe(false);
  });

  test("takes its turn at a port that is in use", async () => {
    const port = await freePort();
    const blocker = net.createServer().listen(port, "127.0.0.1");
    const starting = start({ port });
    setTimeout(() => blocker.close(), 300);
    expect((await starting).port).toBe(port);
  });

  test("says why it did not start", async () => {
    await expect(start({ config: ["no-such-directive yes"] })).rejects.toThrow(/no-such-directive/);
  });

  test("a password or a disabled user never shuts the tests out", async () => {
    const server = await start({ password: "secret", users: { reader: "on >pass resetchannels &news +subscribe" } });
    expect(server.url).toBe(`redis://:secret@127.0.0.1:${server.port}`);
    await using stranger = new ControlClient({ port: server.port });
    await expect(stranger.command("GET", "a")).rejects.toThrow("NOAUTH");
    await using reader = new ControlClient({ port: server.port, username: "reader", password: "pass" });
    await expect(reader.command("SUBSCRIBE", "sport")).rejects.toThrow("NOPERM");
    await server.control.command("ACL", "SETUSER", "default", "off");
    expect(await server.control.command("PING")).toBe("PONG");
  });

  test("keeps its users in a file when asked", async () => {
    const server = await start({ aclFile: true, users: { reader: "on >pass +ping" } });
    expect(await server.control.command("ACL", "LOAD")).toBe("OK");
    await using reader = new ControlClient({ port: server.port, username: "reader", password: "pass" });
    expect(await reader.command("PING")).toBe("PONG");
    await using anybody = new ControlClient({ port: server.port });
    expect(await anybody.command("GET", "a")).toBe(null);
  });

  test("allows DEBUG unless told otherwise", async () => {
    expect(await (await start()).control.command("DEBUG", "SLEEP", "0")).toBe("OK");
    const strict = await start({ enableDebugCommand: false });
    await expect(strict.control.command("DEBUG", "SLEEP", "0")).rejects.toThrow("not allowed");
  });

  test("lists its clients and kills the subscribers among them", async () => {
    const server = await start();
    await using named = new ControlClient({ port: server.port });
    await named.command("CLIENT", "SETNAME", "named");
    const subscriber = net.connect(server.port, "127.0.0.1").resume();
    subscriber.write("SUBSCRIBE a b\r\nPSUBSCRIBE c*\r\n");
    await eventually(async () => expect((await subscriberClients(server.control))[0]?.psub).toBe(1));
    expect(await subscriberClients(server.control)).toMatchObject([{ sub: 2, psub: 1, ssub: 0, name: "" }]);
    expect(await killSubscribers(server.control)).toBe(1);
    await eventually(() => expect(subscriber.closed).toBe(true));
    const id = (await clientList(server.control)).find(({ name }) => name === "named")?.id ?? 0;
    await killClient(server.control, id);
    expect((await clientList(server.control)).map(({ user }) => user)).toEqual(["control"]);
  });

  test("speaks TLS, and to clients with a certificate alone", async () => {
    const { ca, server: own, client, strangerCa } = await certificates();
    const server = await start({ tls: { ...own, ca: ca.cert, clientAuth: true } });
    const greet = (options: { ca: string; cert?: string; key?: string }): Promise<string> =>
      new Promise((resolve) => {
        const socket = connectTls({ port: server.port, host: "127.0.0.1", servername: "localhost", ...options });
        socket.once("secureConnect", () => socket.write("PING\r\n"));
        socket.once("data", (chunk) => resolve(String(chunk)));
        socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
        socket.once("data", () => socket.destroy());
      });
    expect(await greet({ ca: ca.cert, cert: client.cert, key: client.key })).toBe("+PONG\r\n");
    expect(await greet({ ca: ca.cert })).toMatch(/CERTIFICATE_REQUIRED|ECONNRESET|EPIPE/);
    expect(await greet({ ca: strangerCa.cert, cert: client.cert, key: client.key })).toMatch(
      /VERIFY|ISSUER|SELF_SIGNED/,
    );
    expect(server.url).toBe(`rediss://localhost:${server.port}`);
  });
});

import * as net from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { eventually } from "./eventually.ts";
import { startProxy, type TcpProxy } from "./proxy.ts";
import { type RedisServer, startServer } from "./redis-server.ts";
import { command } from "./resp-writer.ts";

/** A socket that keeps what it reads. */
class Reader {
  readonly socket: net.Socket;
  readonly chunks: Buffer[] = [];
  ended = false;
  error: string | undefined;

  constructor(port: number) {
    this.socket = net.connect({ port, host: "127.0.0.1", noDelay: true });
    this.socket.on("data", (chunk: Buffer) => this.chunks.push(chunk));
    this.socket.on("end", () => {
      this.ended = true;
    });
    this.socket.on("error", (error: NodeJS.ErrnoException) => {
      this.error = error.code;
    });
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString("latin1");
  }

  send(...words: string[]): this {
    this.socket.write(command(words));
    return this;
  }

  async reads(text: string): Promise<void> {
    await eventually(() => expect(this.text).toBe(text));
  }

  async isClosed(): Promise<void> {
    await eventually(() => expect(this.socket.closed).toBe(true));
  }
}

const subscribed = (name: string, count: number): string =>
  `*3\r\n$9\r\nsubscribe\r\n$${name.length}\r\n${name}\r\n:${count}\r\n`;

describe("a proxy in front of a real server", () => {
  let server: RedisServer;
  let proxy: TcpProxy;
  let readers: Reader[];

  const connect = (): Reader => {
    const reader = new Reader(proxy.port);
    readers.push(reader);
    return reader;
  };

  beforeEach(async () => {
    server = await startServer();
    proxy = await startProxy(server.port);
    readers = [];
  });

  afterEach(async () => {
    for (const { socket } of readers) socket.destroy();
    await proxy.stop();
    await server.stop();
  });

  test("passes bytes both ways and counts them", async () => {
    const reader = connect().send("PING");
    await reader.reads("+PONG\r\n");
    expect(proxy.open).toBe(1);
    expect(proxy.accepted).toHaveLength(1);
    expect(proxy.bytesToServer).toBe(command(["PING"]).length);
    expect(proxy.bytesToClient).toBe(7);
    reader.socket.end();
    await reader.isClosed();
    await eventually(() => expect(proxy.open).toBe(0));
    expect(proxy.bytesToClient).toBe(7);
  });

  test("passes a large reply whole", async () => {
    const payload = "x".repeat(8 << 20);
    await server.control.command("SET", "large", payload);
    const reader = connect().send("GET", "large");
    await eventually(() => expect(reader.text.length).toBe(payload.length + `$${payload.length}\r\n\r\n`.length));
  });

  test.each(["reset", "end"] as const)("cuts a connection by %s at every byte, once", async (mode) => {
    const whole = subscribed("news", 1) + subscribed("sport", 2);
    for (let limit = 1; limit < whole.length; limit++) {
      proxy.cutAfterBytes(limit, { mode });
      const reader = connect().send("SUBSCRIBE", "news", "sport");
      await reader.isClosed();
      expect(reader.text).toBe(whole.slice(0, limit));
      expect(reader.error).toBe(mode === "reset" ? "ECONNRESET" : undefined);
      expect(proxy.cuts).toBe(limit);
    }
    await connect().send("SUBSCRIBE", "news", "sport").reads(whole);
  });

  test("cuts an open connection so many bytes from now", async () => {
    const reader = connect().send("PING");
    await reader.reads("+PONG\r\n");
    proxy.cutAfterBytes(3, { connections: "open" });
    reader.send("PING");
    await reader.isClosed();
    expect(reader.text).toBe("+PONG\r\n+PO");
  });

  test.each([0, 1])("cuts before a confirmation, whatever the pieces (fragment %i)", async (fragment) => {
    if (fragment > 0) proxy.fragment(fragment);
    const names = Array.from({ length: 50 }, (_, index) => `channel-${index}`);
    proxy.cutBeforeMatch("*3\r\n$9\r\nsubscribe\r\n", 21);
    const reader = connect().send("SUBSCRIBE", ...names);
    await reader.isClosed();
    expect(reader.text).toBe(
      names
        .slice(0, 20)
        .map((name, index) => subscribed(name, index + 1))
        .join(""),
    );
  });

  test("cuts after the end of a match", async () => {
    proxy.cutAfterMatch("subscribe\r\n", 2);
    const reader = connect().send("SUBSCRIBE", "a", "b", "c");
    await reader.isClosed();
    expect(reader.text).toBe(`${subscribed("a", 1)}*3\r\n$9\r\nsubscribe\r\n`);
  });

  test("gives a reader one byte at a time", async () => {
    proxy.fragment(1);
    const reader = connect().send("SUBSCRIBE", "news");
    await reader.reads(subscribed("news", 1));
    expect(reader.chunks.map(({ length }) => length)).toEqual(Array(subscribed("news", 1).length).fill(1));
  });

  test("a blackhole accepts and is silent; healed, the link is whole", async () => {
    const open = connect().send("PING");
    await open.reads("+PONG\r\n");
    proxy.blackhole();
    const late = connect();
    await eventually(() => expect(late.socket.readyState).toBe("open"));
    open.send("ECHO", "a");
    late.send("ECHO", "b");
    await server.control.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    // The server has hung up, and nothing of that may pass.
    expect(await isSilent(() => open.chunks.length === 1 && !open.ended && late.chunks.length === 0)).toBe(true);
    await proxy.heal();
    await open.isClosed();
    await late.reads("$1\r\nb\r\n");
  });

  test("a client that resets inside a blackhole stays known to the server until it is healed", async () => {
    const reader = connect().send("CLIENT", "SETNAME", "ghost");
    await reader.reads("+OK\r\n");
    proxy.blackhole();
    reader.socket.resetAndDestroy();
    const listed = async (): Promise<boolean> =>
      String(await server.control.command("CLIENT", "LIST")).includes("ghost");
    expect(await isSilent(listed)).toBe(true);
    await proxy.heal();
    await eventually(async () => expect(await listed()).toBe(false));
    await eventually(() => expect(proxy.open).toBe(0));
  });

  test("loses one way only", async () => {
    const reader = connect().send("PING");
    await reader.reads("+PONG\r\n");
    proxy.stall("toClient");
    reader.send("SET", "arrived", "yes");
    await eventually(async () => expect(await server.control.command("GET", "arrived")).toBe("yes"));
    expect(reader.text).toBe("+PONG\r\n");
    await proxy.heal();
    await reader.reads("+PONG\r\n+OK\r\n");
  });

  test("refuses and accepts again on the same port; what is open stays", async () => {
    const open = connect().send("PING");
    await open.reads("+PONG\r\n");
    proxy.refuse();
    const refused = connect();
    await refused.isClosed();
    expect(refused.error).toBe("ECONNREFUSED");
    await proxy.accept();
    await connect().send("PING").reads("+PONG\r\n");
    await open.send("PING").reads("+PONG\r\n+PONG\r\n");
  });

  test("holds new connections only", async () => {
    const open = connect().send("PING");
    await open.reads("+PONG\r\n");
    proxy.hold();
    const held = connect().send("PING");
    await open.send("PING").reads("+PONG\r\n+PONG\r\n");
    await eventually(() => expect(proxy.open).toBe(2));
    expect(proxy.connections.map(({ dialled }) => dialled)).toEqual([true, false]);
    expect(held.text).toBe("");
    await proxy.heal();
    await held.reads("+PONG\r\n");
  });

  test("delays", async () => {
    proxy.delay(100);
    const start = performance.now();
    await connect().send("PING").reads("+PONG\r\n");
    expect(performance.now() - start).toBeGreaterThanOrEqual(199);
  });

  test("cuts all, and particular connections", async () => {
    const [first, second] = [connect().send("PING"), connect().send("PING")];
    await Promise.all([first.reads("+PONG\r\n"), second.reads("+PONG\r\n")]);
    expect(proxy.cut("end", proxy.connections.slice(0, 1))).toBe(1);
    await first.isClosed();
    expect([first.error, first.ended]).toEqual([undefined, true]);
    await second.send("PING").reads("+PONG\r\n+PONG\r\n");
    expect(proxy.cut()).toBe(1);
    await second.isClosed();
    expect(second.error).toBe("ECONNRESET");
  });

  test("answers HELLO for the server, in its place among other replies", async () => {
    proxy.answer("hello", "-NOPROTO unsupported protocol version\r\n");
    const reader = connect().send("PING", "before").send("HELLO", "3").send("PING", "after").send("HELLO", "3");
    const refused = "-NOPROTO unsupported protocol version\r\n";
    await reader.reads(`$6\r\nbefore\r\n${refused}$5\r\nafter\r\n${refused}`);
  });

  test("answers in pieces and before authentication", async () => {
    await server.control.command("ACL", "SETUSER", "default", "resetpass", ">secret");
    proxy.answer("HELLO", "-ERR unknown command 'HELLO'\r\n");
    proxy.fragment(1, "both");
    const reader = connect().send("HELLO", "3").send("AUTH", "secret");
    await reader.reads("-ERR unknown command 'HELLO'\r\n+OK\r\n");
  });

  test("a server that is gone shows as a reset", async () => {
    await server.kill();
    const reader = connect();
    await reader.isClosed();
    expect(reader.error).toBe("ECONNRESET");
    await server.start();
    await connect().send("PING").reads("+PONG\r\n");
  });

  test("a server that restarts ends the connections through it", async () => {
    const reader = connect().send("PING");
    await reader.reads("+PONG\r\n");
    await server.restart();
    await reader.isClosed();
    await eventually(() => expect(proxy.open).toBe(0));
  });
});

/** Whether something stays true for a while: that nothing happens can only be shown by watching. */
async function isSilent(condition: () => boolean | Promise<boolean>): Promise<boolean> {
  const end = performance.now() + 150;
  while (performance.now() < end) {
    if (!(await condition())) return false;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return true;
}

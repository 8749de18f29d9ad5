import * as net from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { eventually } from "./eventually.ts";
import { Ledger } from "./ledger.ts";
import { type RedisServer, startServer } from "./redis-server.ts";
import { RespReader } from "./resp-reader.ts";
import { command } from "./resp-writer.ts";
import { expectServerTruth } from "./server-truth.ts";
import { startStamper } from "./stamper.ts";

describe("the oracles, with a real server", () => {
  let server: RedisServer;
  const sockets: net.Socket[] = [];

  /** A subscriber that knows nothing of faults. */
  const subscribe = (ledger: Ledger, ...words: string[]): net.Socket => {
    const socket = net.connect(server.port, "127.0.0.1");
    sockets.push(socket);
    const reader = new RespReader();
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      reader.feed(chunk);
      for (const value of reader.drain()) {
        if (!Array.isArray(value)) continue;
        const [kind, channel, data] = value.map(String);
        if (kind === "message") ledger.record({ channel: channel ?? "", pattern: null, data: data ?? "" });
      }
    });
    socket.write(command(words));
    return socket;
  };

  beforeEach(async () => {
    server = await startServer();
  });

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await server.stop();
  });

  test("a plain subscriber misses nothing while nothing happens, and is found out when its connection dies", async () => {
    const ledger = new Ledger();
    subscribe(ledger, "SUBSCRIBE", "a", "b");
    await expectServerTruth(server, { channels: ["a", "b"] });
    const stamper = startStamper({ sender: server.openControl(), channels: ["a", "b"], interval: 1 });
    await eventually(() => expect(ledger.received).toBeGreaterThan(100));
    await server.control.command("CLIENT", "KILL", "TYPE", "pubsub");
    subscribe(ledger, "SUBSCRIBE", "a", "b");
    const before = ledger.received;
    await eventually(() => expect(ledger.received).toBeGreaterThan(before + 100));
    const published = await stamper.stop();
    await eventually(() => expect(ledger.behind(published)).toEqual([]));
    const { holes, duplicates, reordered, foreign } = ledger.report(published);
    expect([duplicates, reordered, foreign]).toEqual([[], [], []]);
    const missing = holes.reduce((sum, { first, last }) => sum + last - first + 1, 0);
    expect(ledger.received + missing).toBe(published.length);
  });

  test("a stamper outlives a crash and knows what was taken", async () => {
    const ledger = new Ledger();
    const stamper = startStamper({ sender: server.openControl(), channels: ["a"], interval: 1 });
    await eventually(() => expect(stamper.acknowledged).toBeGreaterThan(20));
    await server.kill();
    const down = stamper.published.length;
    await eventually(() => expect(stamper.published.length).toBeGreaterThan(down + 20));
    const taken = stamper.acknowledged;
    expect(taken).toBeLessThan(stamper.published.length);
    await server.start();
    subscribe(ledger, "SUBSCRIBE", "a");
    await eventually(() => expect(ledger.received).toBeGreaterThan(20));
    expect(stamper.acknowledged).toBeGreaterThan(taken);
    await stamper.stop();
  });

  test("the server's truth: exact, and says what is wrong", async () => {
    const ledger = new Ledger();
    const quick = { timeout: 100 };
    await expectServerTruth(server, {});
    subscribe(ledger, "SUBSCRIBE", "a", "b");
    subscribe(ledger, "PSUBSCRIBE", "p*");
    subscribe(ledger, "SSUBSCRIBE", "s");
    const wanted = { channels: ["a", Buffer.from("b")], patterns: ["p*"], shardChannels: ["s"] };
    await expectServerTruth(server, wanted);
    await expect(expectServerTruth(server, { ...wanted, channels: ["a", "c"] }, quick)).rejects.toThrow(
      /1 channels missing: "c"\n1 channels nobody wants: "b"/,
    );
    await expect(expectServerTruth(server, { ...wanted, patterns: [] }, quick)).rejects.toThrow(
      "1 pattern(s) rather than 0",
    );
    await expect(expectServerTruth(server, { ...wanted, shardChannels: [] }, quick)).rejects.toThrow("shard channels");
    subscribe(ledger, "SUBSCRIBE", "a");
    await eventually(() =>
      expect(expectServerTruth(server, wanted, quick)).rejects.toThrow('1 channels not with 1 subscriber(s): "a (2)"'),
    );
  });

  test("the truth of several servers is their sum", async () => {
    await using other = await startServer();
    const socket = net.connect(other.port, "127.0.0.1");
    sockets.push(socket);
    socket.write(command(["SUBSCRIBE", "b"]));
    subscribe(new Ledger(), "SUBSCRIBE", "a");
    await expectServerTruth([server, other], { channels: ["a", "b"] });
    await expect(expectServerTruth(other, { channels: ["a", "b"] }, { timeout: 50 })).rejects.toThrow('missing: "a"');
  });
});

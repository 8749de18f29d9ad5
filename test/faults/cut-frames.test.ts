import { bytes, constantDelay, type Message, type PubSub } from "tidings";
import { expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import type { CutMode } from "../support/proxy-connection.ts";
import { expectServerTruth } from "../support/server-truth.ts";
import { type Bench, names, nextData, onEveryProtocol, QUICK } from "./fixtures.ts";
import { Witness } from "./witness.ts";

/** Soon again, for there are many offsets. */
const options = { ...QUICK, retryPolicy: constantDelay({ delay: 1 }), ignoreSubscribeMessages: true };

/** Multi-byte characters, and what looks like the end of one frame and the beginning of another. */
const PAYLOAD = "é€😀\r\n$7\r\nmessage\r\n";

/** The two frames that a publish to `p1` makes: for the channel, and for the pattern. */
function framesOf(protocol: 2 | 3): readonly [Buffer, Buffer] {
  const bulk = (text: string) => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
  const frame = (...words: string[]) =>
    Buffer.from(`${protocol === 3 ? ">" : "*"}${words.length}\r\n${words.map(bulk).join("")}`);
  return [frame("message", "p1", PAYLOAD), frame("pmessage", "p*", "p1", PAYLOAD)];
}

/** Cuts in the middle of the two frames of one publish; gives what is read up to a message published afterwards. */
async function cutAt(bench: Bench, consumer: PubSub, offset: number, mode: CutMode): Promise<string[]> {
  const connections = bench.proxy.accepted.length;
  const frames = Buffer.concat(framesOf(bench.protocol));
  // Found by their bytes: the answer to a PING may come before them. In RESP2 that begins with a "*" as well.
  if (offset === 0) bench.proxy.cutBeforeMatch(frames.subarray(0, 16), 1, { connections: "open", mode });
  else bench.proxy.cutAfterMatch(frames.subarray(0, Math.max(2, offset)), 1, { connections: "open", mode });
  expect(await bench.control.command("PUBLISH", "p1", PAYLOAD)).toBe(2);
  await eventually(() => expect([bench.proxy.accepted.length, consumer.state]).toEqual([connections + 1, "live"]), {
    interval: 1,
  });
  await bench.control.command("PUBLISH", "end", `end ${offset}`);
  const read: string[] = [];
  for (;;) {
    const message = await consumer.receive({ timeout: 10_000 });
    if (message.channel === "end") {
      expect(message.data).toBe(`end ${offset}`);
      return read;
    }
    expect(message.data).toBe(PAYLOAD);
    read.push(message.type);
  }
}

// Row 4.
onEveryProtocol("a connection that is cut inside a frame", (bench) => {
  test("at any byte: whole messages are delivered once, and never a part of one", { timeout: 60_000 }, async () => {
    const consumer = await bench.proxied().pubsub({ ...options, channels: ["p1", "end"], patterns: "p*" });
    const [first, second] = framesOf(bench.protocol).map(({ length }) => length) as [number, number];
    // What is sent in one piece may be lost with the connection that it came by, never torn.
    for (let offset = 0; offset <= first + second; offset++) {
      const whole = offset < first ? [] : offset < first + second ? ["message"] : ["message", "pmessage"];
      expect([offset, await cutAt(bench, consumer, offset, "end")]).toEqual([offset, whole]);
    }
    await expectServerTruth(bench.server, { channels: ["p1", "end"], patterns: ["p*"] });
  });

  test("by a reset: what is delivered is whole, and in order", { timeout: 60_000 }, async () => {
    const consumer = await bench.proxied().pubsub({ ...options, channels: ["p1", "end"], patterns: "p*" });
    const [first, second] = framesOf(bench.protocol).map(({ length }) => length) as [number, number];
    for (let offset = 0; offset <= first + second; offset += 7) {
      const read = await cutAt(bench, consumer, offset, "reset");
      expect(read).toEqual(["message", "pmessage"].slice(0, read.length));
    }
    await expectServerTruth(bench.server, { channels: ["p1", "end"], patterns: ["p*"] });
  });

  test("at any byte of two confirmations: the subscribe resolves all the same", { timeout: 60_000 }, async () => {
    const client = bench.proxied();
    const consumer = await client.pubsub({ ...options, channels: "end" });
    const length = 2 * `>3\r\n${"$9\r\nsubscribe\r\n$3\r\nc00\r\n:2\r\n"}`.length;
    for (let offset = 0; offset < length; offset++) {
      bench.proxy.cutAfterBytes(offset, { connections: "open" });
      const pair = [`a${String(offset).padStart(2, "0")}`, `b${String(offset).padStart(2, "0")}`];
      await consumer.subscribe(pair);
      await bench.control.command("PUBLISH", pair[1] ?? "", String(offset));
      expect(await nextData(consumer)).toBe(String(offset));
    }
    await eventually(() => expect(bench.proxy.cuts).toBe(length));
    expect(consumer.channels.size).toBe(1 + 2 * length);
  });
});

/** All that a consumer is given, from its first confirmation to its last, of a fixed exchange. */
async function exchange(bench: Bench, payloads: readonly (string | Buffer)[]): Promise<Message<Buffer>[]> {
  const client = bench.proxied();
  const consumer = await client.pubsub({ ...QUICK, codec: bytes, channels: names("c", 5), patterns: ["c*", "ü*"] });
  for (const payload of payloads) await bench.control.command("PUBLISH", "c1", payload);
  await consumer.subscribe("ünïcode", "");
  for (const payload of payloads) await bench.control.command("PUBLISH", "ünïcode", payload);
  expect(await client.publish("c2", "through the client")).toBe(2);
  expect(await client.call("ECHO", "€".repeat(50))).toBe("€".repeat(50));
  expect(await client.pubsubNumsub("c1", "ünïcode", "nobody")).toEqual(
    new Map([
      ["c1", 1],
      ["ünïcode", 1],
      ["nobody", 0],
    ]),
  );
  const items: Message<Buffer>[] = [];
  const reading = (async () => {
    for await (const item of consumer) items.push(item);
  })();
  await consumer.unsubscribe();
  await consumer.punsubscribe();
  await reading;
  await client.close();
  return items;
}

// Row 5.
onEveryProtocol("a stream in fragments", (bench) => {
  const payloads = [
    "",
    "plain",
    "\r\n",
    "é€😀".repeat(20),
    Buffer.from([0, 255, 13, 10, 36, 42, 62, 128, 200, 0]),
    Buffer.from(Array.from({ length: 600 }, (_, index) => (index * 7) % 256)),
  ];

  test.each([1, 2, 3, 7, 61])("of %i byte(s) gives what an unbroken one gives", { timeout: 60_000 }, async (size) => {
    const unbroken = await exchange(bench, payloads);
    // Confirmations of 7 subscriptions, 2 more, and all unsubscribed; each payload by channel and pattern.
    expect(unbroken).toHaveLength(9 + 9 + 2 * payloads.length * 2 + 2);
    bench.proxy.fragment(size, "both");
    expect(await exchange(bench, payloads)).toEqual(unbroken);
  });

  test("nothing is lost or doubled while fragments come and go", async () => {
    const witness = await Witness.open(bench.proxied(), bench.server, { channels: ["a"], handled: ["h"] });
    for (const size of [1, 5, 33]) {
      bench.proxy.fragment(size);
      await witness.receives(40);
    }
    expect(await witness.verify()).toBe(0);
    expect(witness.gaps).toEqual([]);
  });
});

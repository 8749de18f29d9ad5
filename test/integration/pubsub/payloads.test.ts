import { createHash, randomBytes } from "node:crypto";
import { bytes } from "tidings";
import { expect, test } from "vitest";
import { message, onEveryKind, PATIENCE, receiveMany } from "./fixtures.ts";

const MIB = 1024 * 1024;
const hash = (data: string | Uint8Array): string => createHash("sha256").update(data).digest("hex");

onEveryKind(
  "payloads",
  (bench) => {
    // What is large is the same to all kinds.
    const sizes: [string, number][] = [
      ["1 MiB", MIB],
      ...(bench.kind === "server" ? ([["64 MiB", 64 * MIB]] as [string, number][]) : []),
    ];

    test.each(sizes)("%s of bytes arrives whole, with others around it", { timeout: 60_000 }, async (_, size) => {
      const consumer = await bench.consumer({ channels: "a", codec: bytes, ignoreSubscribeMessages: true });
      const payload = randomBytes(size);
      await bench.publish("a", "before");
      expect(await bench.publish("a", payload)).toBe(1);
      await bench.publish("a", "after");
      const messages = await receiveMany(consumer, 3);
      expect(messages.map(({ data }) => data.length)).toEqual([6, size, 5]);
      expect(messages[1]?.data.equals(payload)).toBe(true);
    });

    test.runIf(bench.kind === "server").each([
      ["ASCII", "x"],
      ["other text", "ü€🦊"],
    ])("64 MiB of %s arrive whole as text, at a pattern too", { timeout: 60_000 }, async (_, text) => {
      const consumer = await bench.consumer({ channels: "a", patterns: "a" });
      const payload = text.repeat((64 * MIB) / Buffer.byteLength(text));
      expect(await bench.publish("a", payload)).toBe(2);
      const expected = hash(payload);
      const messages = await receiveMany(consumer, 2);
      expect(messages.map(({ data }) => hash(data))).toEqual([expected, expected]);
      expect(messages[0]?.data.length).toBe(payload.length);
    });

    test("payloads of every size around the powers of two arrive as they were sent", async () => {
      const client = bench.client({ codec: bytes });
      const consumer = await client.pubsub({ channels: "a" });
      const sizes = Array.from({ length: 18 }, (_, power) => [2 ** power - 1, 2 ** power, 2 ** power + 1]).flat();
      const payloads = sizes.map((size) => randomBytes(size));
      await Promise.all(payloads.map((payload) => client.publish("a", payload)));
      const messages = await receiveMany(consumer, payloads.length);
      expect(messages.map(({ data }) => hash(data))).toEqual(payloads.map(hash));
    });

    test("payloads that look like frames are payloads", async () => {
      const consumer = await bench.consumer({ channels: "a" });
      const payloads = [
        "\r\n",
        "$-1\r\n",
        "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$4\r\nfake\r\n",
        ">3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n",
        "-ERR no\r\n",
        "+OK\r\n",
        "tidings-1",
      ];
      for (const payload of payloads) await bench.publish("a", payload);
      expect(await receiveMany(consumer, payloads.length)).toEqual(payloads.map((payload) => message("a", payload)));
    });

    test("a character whose bytes are split over two chunks arrives whole", async () => {
      const client = bench.client();
      const consumer = await client.pubsub({ channels: "a" });
      const payloads = Array.from({ length: 300 }, (_, n) => `${"x".repeat(n)}${"🦊é€".repeat(400)}`);
      await Promise.all(payloads.map((payload) => client.publish("a", payload)));
      const messages = await receiveMany(consumer, payloads.length);
      expect(messages.every(({ data }, n) => data === payloads[n])).toBe(true);
    });

    test("a consumer is used on after a large message", { timeout: 60_000 }, async () => {
      const consumer = await bench.consumer({ channels: "a" });
      await bench.publish("a", "x".repeat(16 * MIB));
      await consumer.subscribe("b", undefined, { timeout: PATIENCE });
      expect((await consumer.receive({ timeout: PATIENCE })).data.length).toBe(16 * MIB);
      await bench.publish("b", "small");
      expect(await consumer.receive({ timeout: PATIENCE })).toEqual(message("b", "small"));
    });
  },
  { config: ["client-output-buffer-limit pubsub 0 0 0"] },
);

import { type Overflow, type PubSub, PubSubError, Redis } from "tidings";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { heapUsed } from "../../support/leaks.ts";
import { type RedisServer, startServer } from "../../support/redis-server.ts";

/** So many are published for each one that is taken. */
const OUTRUN = 100;
const ROUNDS = 100;
const PUBLISHED = OUTRUN * ROUNDS;
const LIMIT = 1000;
const LIMIT_BYTES = 1024 * 1024;
/** What a full buffer may hold of the heap: its payloads, and what a message is besides. */
const HEAP = 3 * LIMIT_BYTES;

/** A slow consumer, and what it saw, in order: messages by their number, and how many a gap said were dropped. */
interface Slow {
  readonly consumer: PubSub;
  readonly seen: (number | { readonly dropped: number })[];
  /** Takes the next message, if there is one. */
  take(): Promise<void>;
  /** Takes all that is there, and that comes. */
  takeAll(): Promise<void>;
}

const numberOf = (data: string): number => Number.parseInt(data, 10);

async function slowReader(client: Redis, overflow: Overflow): Promise<Slow> {
  const consumer = await client.pubsub({
    channels: "news",
    ignoreSubscribeMessages: true,
    buffer: { limit: LIMIT, limitBytes: LIMIT_BYTES, overflow },
  });
  const seen: Slow["seen"] = [];
  const take = async (): Promise<void> => {
    const message = await consumer.getMessage({ timeout: 0 });
    if (message !== null) seen.push(numberOf(String(message.data)));
  };
  return {
    consumer: consumer as PubSub,
    seen,
    take,
    takeAll: async () => {
      do await take();
      while (consumer.stats().pending > 0);
      // A gap behind the last message is told when that place is reached; a failed consumer would tell of its failure.
      if (consumer.state !== "failed") await take();
    },
  };
}

async function slowHandler(client: Redis, overflow: Overflow): Promise<Slow> {
  let release: (() => void) | null = null;
  let hurry = false;
  const seen: Slow["seen"] = [];
  const consumer = await client.pubsub({
    channelHandlers: {
      news: ({ data }) => {
        seen.push(numberOf(data));
        if (hurry) return undefined;
        return new Promise<void>((resolve) => {
          release = resolve;
        });
      },
    },
    buffer: { limit: LIMIT, limitBytes: LIMIT_BYTES, overflow },
  });
  const take = async (): Promise<void> => {
    release?.();
    release = null;
  };
  return {
    consumer,
    seen,
    take,
    takeAll: () => {
      hurry = true;
      return take();
    },
  };
}

const policies = ["pause", "drop-oldest", "drop-newest", "error"] as const;
const consumers = [
  { title: "a reader, small payloads", open: slowReader, size: 256 },
  { title: "a reader, large payloads", open: slowReader, size: 2048 },
  { title: "an async handler, large payloads", open: slowHandler, size: 2048 },
] as const;

describe("a publisher that outruns its consumer a hundredfold", () => {
  let server: RedisServer;
  let client: Redis;

  beforeAll(async () => {
    // The server holds what a paused consumer leaves unread, however much it is.
    server = await startServer({ config: ["client-output-buffer-limit pubsub 0 0 0"] });
    client = new Redis(server.url);
  });
  afterAll(async () => {
    await client.close();
    await server.stop();
  });

  describe.each(consumers)("$title", ({ open, size }) => {
    /** As many as fit. */
    const most = Math.min(LIMIT, Math.floor(LIMIT_BYTES / size));

    /** Publishes all of it, and has the consumer take one for each hundred; the backlog is looked at all the way. */
    async function outrun({ consumer, take }: Slow): Promise<void> {
      for (let round = 0; round < ROUNDS; round++) {
        const numbers = Array.from({ length: OUTRUN }, (_, i) => round * OUTRUN + i);
        await Promise.all(numbers.map((i) => server.control.raw("PUBLISH", "news", `${i} `.padEnd(size, "x"))));
        expectBounded(consumer);
        await take();
      }
    }

    function expectBounded(consumer: PubSub): void {
      const { received, delivered, dropped, pending } = consumer.stats();
      expect(pending).toBeLessThanOrEqual(most);
      expect(received).toBe(delivered + dropped + pending);
    }

    test.each(policies)("%s: the backlog is bounded, and every message is accounted for", async (overflow) => {
      const slow = await open(client, overflow);
      const { consumer, seen } = slow;
      onTestFinished(() => consumer.close());
      consumer.on("gap", ({ dropped }) => seen.push({ dropped: dropped ?? Number.NaN }));
      const failed = new Promise<unknown>((resolve) => consumer.once("error", resolve));
      const before = await heapUsed();
      await outrun(slow);
      if (overflow === "drop-oldest" || overflow === "drop-newest") {
        await eventually(() => expect(consumer.stats().received).toBe(PUBLISHED));
      } else {
        await eventually(() => expect(consumer.stats().pending).toBeGreaterThan(0));
      }
      expectBounded(consumer);
      expect((await heapUsed()) - before).toBeLessThan(HEAP);

      if (overflow === "error") {
        expect(await failed).toBeInstanceOf(PubSubError);
        expect(consumer.state).toBe("failed");
      }
      await slow.takeAll();
      if (overflow === "pause") {
        await eventually(async () => {
          await slow.takeAll();
          expect(consumer.stats().received).toBe(PUBLISHED);
        });
      }
      await eventually(() => expect(consumer.stats().pending).toBe(0));
      expectOrder(slow, overflow);
    });

    /** Each message comes where it must: right behind the one before, or behind a gap that counts what lies between. */
    function expectOrder({ consumer, seen }: Slow, overflow: Overflow): void {
      let next = 0;
      let messages = 0;
      for (const item of seen) {
        if (typeof item === "number") {
          expect(item).toBe(next);
          next++;
          messages++;
        } else next += item.dropped;
      }
      const { received, delivered, dropped } = consumer.stats();
      expect(delivered).toBe(messages);
      expect(received).toBe(delivered + dropped);
      if (overflow === "error") {
        // What did not fit is told by the failure.
        expect(dropped).toBe(1);
        expect(messages).toBeGreaterThanOrEqual(most);
      } else {
        expect(next).toBe(PUBLISHED);
        expect(dropped).toBe(PUBLISHED - messages);
        expect(dropped > 0).toBe(overflow !== "pause");
      }
    }
  });
});

import { Redis } from "tidings";
import { describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { type FakeServer, startFakeServer } from "../support/fake-server.ts";
import { heapUsed } from "../support/leaks.ts";
import { bulk, push } from "../support/resp-writer.ts";

/** Pairs of a message that a handler takes and one that nobody reads, and how many are sent at once. */
const [PAIRS, BATCH] = [100_000, 2000];
const LIMIT = 10;
/** What so many unread messages may cost, and the wandering of a measurement; bytes. A mark for each pair costs 8 MB. */
const ROOM = 2 * 1024 * 1024;

/** A payload for each place, so that what is left can be told. */
function pair(sequence: number): Buffer {
  const message = (channel: string) =>
    push([bulk("message"), bulk(channel), bulk(`${channel}${String(sequence).padStart(7, "0")}`)]);
  return Buffer.concat([message("handled"), message("unread")]);
}

// Row 67.
describe("messages for handlers between messages that nobody reads", () => {
  const policies = (["drop-oldest", "drop-newest"] as const).flatMap((overflow) =>
    [false, true].map((shared) => [overflow, shared] as const),
  );

  test.each(policies)("hold no memory that grows with their number: %s, shared %s", async (overflow, shared) => {
    const server = await startFakeServer();
    const client = new Redis(server.url);
    let handled = 0;
    const consumer = await client.pubsub({
      shared,
      channels: "unread",
      channelHandlers: {
        handled: () => {
          handled += 1;
        },
      },
      ignoreSubscribeMessages: true,
      buffer: { limit: LIMIT, overflow },
    });
    consumer.on("gap", () => {});
    let sent = 0;
    const send = async (count: number) => {
      const until = sent + count;
      while (sent < until) {
        const frames = Array.from({ length: Math.min(BATCH, until - sent) }, () => pair(sent++));
        server.latest.write(Buffer.concat(frames));
        await eventually(() => expect(handled).toBe(sent), { interval: 1, timeout: 20_000 });
      }
    };
    await send(BATCH);
    const before = await heapUsed();
    await send(PAIRS);
    expect((await heapUsed()) - before).toBeLessThan(ROOM);

    // And what is told and left is exact.
    const stats = consumer.stats();
    expect(stats).toMatchObject({ received: 2 * sent, pending: LIMIT, dropped: sent - LIMIT });
    const first = overflow === "drop-oldest" ? sent - LIMIT : 0;
    for (let index = 0; index < LIMIT; index++) {
      const data = `unread${String(first + index).padStart(7, "0")}`;
      expect(await consumer.receive({ timeout: 5000 })).toMatchObject({ data });
    }
    await end(client, server);
  });

  async function end(client: Redis, server: FakeServer): Promise<void> {
    await client.close();
    await server.stop();
  }
});

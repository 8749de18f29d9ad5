import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Redis } from "../../../src/index.ts";
import { bytesForEach } from "../../support/allocations.ts";
import { type FakeServer, startFakeServer } from "../../support/fake-server.ts";
import { bulk, push } from "../../support/resp-writer.ts";

const MESSAGES = 20_000;
const frame = (payload: string) => push(["message", "news", payload].map((word) => bulk(word)));
const PLAIN = [frame("x".repeat(64))];
/** As in real traffic: a quarter has text beyond ASCII. All have 64 chars. */
const MIXED = [...PLAIN, frame(`${"x".repeat(60)}日é🎉`), ...PLAIN, ...PLAIN];

let server: FakeServer;
let client: Redis;
let seen = 0;
let allSeen = (): void => {};

function take(message: { readonly data: string }): void {
  if (message.data.length === 64) seen += 1;
  if (seen === MESSAGES) allSeen();
}

beforeEach(async () => {
  server = await startFakeServer();
  client = new Redis(server.url);
});

afterEach(async () => {
  await client.close();
  await server.stop();
});

/** Heap bytes that a message costs beyond its own, which are copied once; the socket's are among them, and are few. */
async function cost(frames = PLAIN): Promise<number> {
  const stream = Buffer.concat(new Array(MESSAGES / frames.length).fill(frames).flat());
  const subscriber = server.connections.find(({ subscribed }) => subscribed > 0);
  const each = await bytesForEach(MESSAGES, async () => {
    seen = 0;
    const all = new Promise<void>((resolve) => {
      allSeen = resolve;
    });
    subscriber?.write(stream);
    await all;
  });
  return each - stream.length / MESSAGES;
}

// As in test/unit/resp/allocations.test.ts: what is needed today, and room for less than one more object.
describe("What a consumer allocates for a message", () => {
  // 56 bytes of it are the argument list of `runInAsyncScope`, which the compiler leaves out where it inlines the call.
  it("is the message and a call in its own context, beside the decoder's text, where it has a handler (147 bytes)", async () => {
    await client.pubsub({ channelHandlers: { news: take } });
    expect(await cost()).toBeLessThan(166);
  });

  it("is no object more in traffic that is not all ASCII, whose text has two bytes a char (185 bytes)", async () => {
    await client.pubsub({ channelHandlers: { news: take } });
    expect(await cost(MIXED)).toBeLessThan(204);
  });

  it("is little more where it is read in batches (174 bytes)", async () => {
    const consumer = await client.pubsub({ channels: "news" });
    const reading = (async () => {
      for await (const batch of consumer.batches())
        for (const message of batch) if (message.type === "message") take(message);
    })();
    expect(await cost()).toBeLessThan(193);
    await consumer.close();
    await reading;
  });

  it("is what promises cost, and no more, where it is read one by one (392 bytes)", async () => {
    const consumer = await client.pubsub({ channels: "news" });
    const reading = (async () => {
      for await (const message of consumer.messages()) if (message.type === "message") take(message);
    })();
    expect(await cost()).toBeLessThan(411);
    await consumer.close();
    await reading;
  });
});

import { describe, expect, it } from "vitest";
import { Decoder } from "../../../src/resp/decoder.ts";
import type { Payload, Receiver } from "../../../src/resp/reply.ts";
import { bytesForEach } from "../../support/allocations.ts";
import { bulk, push } from "../../support/resp-writer.ts";

const MESSAGES = 20_000;
/** Frames in one piece of the stream. */
const PIECE = 500;

let touched = 0;

const asText = (payload: Payload): void => {
  touched += payload.text().length;
};
const asBytes = (payload: Payload): void => {
  touched += payload.bytes().length;
};

/** Heap bytes that a message costs beyond its own, which are copied once. */
async function cost(words: readonly string[], take: (payload: Payload) => void, others?: string[]): Promise<number> {
  const receiver: Receiver = {
    wantsText: false,
    message: (_channel, payload) => take(payload),
    smessage: (_channel, payload) => take(payload),
    pmessage: (_pattern, channel, payload) => {
      touched += channel.key().length;
      take(payload);
    },
    confirmation() {},
    push() {},
    reply() {},
  };
  const decoder = new Decoder(receiver);
  // With others, they and those come by turns.
  const frames = [words, others ?? words].map((each) => push(each.map((word) => bulk(word))));
  const stream = Buffer.concat(new Array(PIECE / 2).fill(frames).flat());
  const each = await bytesForEach(MESSAGES, () => {
    for (let sent = 0; sent < MESSAGES; sent += PIECE) decoder.write(stream);
  });
  return each - stream.length / PIECE;
}

/*
 * The figures are exact, and the same in every run. Each bound is what is needed today and room for less than one more
 * object: the smallest, `{ a }`, takes 32 bytes. Where a bound is broken, something is made for every message that was
 * not; raise it only if that is worth its price (npm run bench).
 */
describe("What the decoder allocates for a message", () => {
  it("is the text of its payload, cut from one that many share (46 bytes)", async () => {
    expect(await cost(["message", "news", "x".repeat(64)], asText)).toBeLessThan(65);
  });

  it("is no more for a shard channel (45 bytes)", async () => {
    expect(await cost(["smessage", "news", "x".repeat(64)], asText)).toBeLessThan(65);
  });

  it("is one text more for a pattern, that of the channel (69 bytes)", async () => {
    expect(await cost(["pmessage", "news.*", "news", "x".repeat(64)], asText)).toBeLessThan(88);
  });

  it("is the same where the text is not ASCII (56 bytes)", async () => {
    expect(await cost(["message", "news", "я".repeat(32)], asText)).toBeLessThan(75);
  });

  it("is a text of their own for messages that have no neighbour to share one with, two bytes a char where it is not ASCII (114 bytes)", async () => {
    const mixed = ["message", "news", `${"x".repeat(60)}é日`];
    expect(await cost(["message", "news", "x".repeat(64)], asText, mixed)).toBeLessThan(133);
  });

  it("is no more for a name that is not ASCII (46 bytes)", async () => {
    expect(await cost(["message", "новости", "x".repeat(64)], asText)).toBeLessThan(65);
  });

  it("is one Buffer, whose bytes are copied in place of text, where bytes are wanted (5 bytes)", async () => {
    expect(await cost(["message", "news", "x".repeat(64)], asBytes)).toBeLessThan(24);
  });

  it("is counted, or all of this would prove nothing", async () => {
    const kept: unknown[] = [];
    const words = ["message", "news", "x".repeat(64)];
    const usual = await cost(words, asText);
    const withObject = await cost(words, (payload) => {
      kept[0] = { length: payload.text().length };
    });
    expect(kept).toHaveLength(1);
    expect(withObject - usual).toBeGreaterThan(24);
    expect(withObject).toBeGreaterThan(65);
    expect(touched).toBeGreaterThan(0);
  });
});

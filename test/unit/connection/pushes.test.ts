import { describe, expect, test } from "vitest";
import { noPushes, type PushReceiver, pushTo } from "../../../src/connection/pushes.ts";
import type { Reply } from "../../../src/resp/reply.ts";

/** What a push comes to at its receiver; `null` if it is none of Pub/Sub. */
function received(...items: Reply[]): unknown {
  let call: unknown = null;
  const receiver: PushReceiver = {
    message: (channel, payload) => {
      call = ["message", channel.key(), payload.text(), payload.bytes(), payload.byteLength];
    },
    smessage: (channel, payload) => {
      call = ["smessage", channel.key(), payload.text()];
    },
    pmessage: (pattern, channel, payload) => {
      call = ["pmessage", pattern.key(), channel.key(), payload.text()];
    },
    confirmation: (...confirmation) => {
      call = confirmation;
    },
  };
  expect(pushTo(receiver, items)).toBe(call !== null);
  return call;
}

const [news, text] = [Buffer.from("news"), Buffer.from("é")];

describe("a push is handed over", () => {
  test("as a message, its names as keys and its payload as text or bytes", () => {
    expect(received(Buffer.from("message"), news, text)).toEqual(["message", "news", "é", text, 2]);
    expect(received("message", text, text)).toEqual(["message", "\u00c3\u00a9", "é", text, 2]);
    expect(received("smessage", news, text)).toEqual(["smessage", "news", "é"]);
    expect(received("pmessage", Buffer.from("n*"), news, text)).toEqual(["pmessage", "n*", "news", "é"]);
  });

  test.each(["subscribe", "unsubscribe", "psubscribe", "punsubscribe", "ssubscribe", "sunsubscribe"])(
    "as a confirmation: %s",
    (kind) => {
      expect(received(Buffer.from(kind), news, 3)).toEqual([kind, "news", 3]);
      expect(received(kind, null, 0)).toEqual([kind, null, 0]);
    },
  );
});

describe("what is no push of Pub/Sub, or has a strange shape, is left to others", () => {
  test.each<[string, Reply[]]>([
    ["nothing", []],
    ["an invalidation", [Buffer.from("invalidate"), [news]]],
    ["a pong", [Buffer.from("pong"), Buffer.from("nonce")]],
    ["a message without a payload", ["message", news]],
    ["a message without a channel", ["message", null, text]],
    ["a pmessage without a pattern", ["pmessage", null, news, text]],
    ["a pmessage with a number for a channel", ["pmessage", news, 1, text]],
    ["a message with a number", ["message", news, 1]],
    ["a pmessage without a channel", ["pmessage", news, text]],
    ["a confirmation with a text for a count", ["subscribe", news, Buffer.from("1")]],
    ["a confirmation with a number for a name", ["subscribe", 1, 1]],
    ["a list", [[Buffer.from("message")], news, text]],
  ])("%s", (_what, items) => {
    expect(received(...items)).toBeNull();
  });

  test("a receiver that wants nothing takes everything", () => {
    expect(pushTo(noPushes, ["message", news, text])).toBe(true);
    expect(pushTo(noPushes, ["pmessage", news, news, text])).toBe(true);
    expect(pushTo(noPushes, ["smessage", news, text])).toBe(true);
    expect(pushTo(noPushes, ["subscribe", news, 1])).toBe(true);
  });
});

import { describe, expect, test } from "vitest";
import { Decoder } from "../../../src/resp/decoder.ts";
import { array, bulk, integer, push, simple } from "../../support/resp-writer.ts";

const said = (text: string): Buffer => push([bulk("message"), bulk("c"), bulk(text)]);

/** A decoder that notes all it hands over, and does what it is told behind each. */
function noting(behind: (decoder: Decoder, heard: string[]) => void): { decoder: Decoder; heard: string[] } {
  const heard: string[] = [];
  const note = (what: string): void => {
    heard.push(what);
    behind(decoder, heard);
  };
  const decoder = new Decoder({
    wantsText: true,
    message: (_channel, payload) => note(payload.text()),
    smessage: (_channel, payload) => note(payload.text()),
    pmessage: (_pattern, _channel, payload) => note(payload.text()),
    confirmation: (kind) => note(`${kind} confirmed`),
    // Where a message is cut, the general decoder may take it.
    push: (items) => note(String(items[0]) === "message" ? String(items[2]) : `push of ${items.length}`),
    reply: (value) => note(`reply ${String(value)}`),
  });
  return { decoder, heard };
}

describe("a paused decoder", () => {
  test("stops behind the frame at hand, keeps what arrives and goes on in order", () => {
    const { decoder, heard } = noting((it, all) => {
      if (all.length === 2) it.pause();
    });
    decoder.write(Buffer.concat(["1", "2", "3"].map(said)));
    decoder.write(Buffer.concat([said("4"), simple("OK")]));
    expect(heard).toEqual(["1", "2"]);
    decoder.resume();
    expect(heard).toEqual(["1", "2", "3", "4", "reply OK"]);
    decoder.write(said("5"));
    expect(heard.at(-1)).toBe("5");
  });

  test("stops behind replies and pushes as well", () => {
    const { decoder, heard } = noting((it) => it.pause());
    decoder.write(Buffer.concat([simple("a"), push([bulk("subscribe"), bulk("c"), integer(1)]), said("x")]));
    const steps = [[...heard]];
    for (let i = 0; i < 3; i++) {
      decoder.resume();
      steps.push([...heard]);
    }
    expect(steps).toEqual([
      ["reply a"],
      ["reply a", "subscribe confirmed"],
      ["reply a", "subscribe confirmed", "x"],
      ["reply a", "subscribe confirmed", "x"],
    ]);
  });

  test("takes up a frame that was cut anywhere while it paused", () => {
    const bytes = Buffer.concat([said("first"), said("größe"), array([bulk("r"), bulk("s")]), said("last")]);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const { decoder, heard } = noting((it, all) => {
        if (all.length === 1) it.pause();
      });
      decoder.write(bytes.subarray(0, cut));
      decoder.pause();
      decoder.write(bytes.subarray(cut));
      decoder.resume();
      // Where the first message was whole before the cut it had been handed over, and paused, already.
      if (heard.length === 1) decoder.resume();
      expect(heard).toEqual(["first", "größe", "reply r,s", "last"]);
    }
  });

  test("keeps more than its usual memory holds", () => {
    const { decoder, heard } = noting(() => {});
    decoder.pause();
    const texts = Array.from({ length: 300 }, (_, i) => String(i).repeat(500));
    for (const text of texts) decoder.write(said(text));
    expect(heard).toEqual([]);
    decoder.resume();
    expect(heard).toEqual(texts);
  });

  test("resumed from inside the message that paused it, goes on at once and in order", () => {
    const { decoder, heard } = noting((it) => {
      it.pause();
      it.resume();
    });
    decoder.write(Buffer.concat(["1", "2", "3"].map(said)));
    expect(heard).toEqual(["1", "2", "3"]);
  });

  test("resumed and paused again inside a message, hands over no other", () => {
    const { decoder, heard } = noting((it) => {
      it.pause();
      it.resume();
      it.pause();
    });
    decoder.write(Buffer.concat(["1", "2", "3"].map(said)));
    expect(heard).toEqual(["1"]);
    decoder.resume();
    expect(heard).toEqual(["1", "2"]);
  });

  test("a receiver that throws leaves the rest to the next resume", () => {
    const { decoder, heard } = noting((it, all) => {
      if (all.length !== 1) return;
      it.pause();
      throw new RangeError("the receiver's own");
    });
    expect(() => decoder.write(Buffer.concat([said("1"), said("2")]))).toThrow(RangeError);
    expect(heard).toEqual(["1"]);
    decoder.resume();
    expect(heard).toEqual(["1", "2"]);
  });

  test("halted while it pauses, hands over nothing more", () => {
    const { decoder, heard } = noting((it) => it.pause());
    decoder.write(Buffer.concat([said("1"), said("2")]));
    decoder.halt();
    decoder.resume();
    expect(heard).toEqual(["1"]);
  });
});

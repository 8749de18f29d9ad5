import { expect, test } from "vitest";
import { decodeArrived } from "../../../src/codec.ts";
import { Arrived, Name } from "../../../src/compat/arrived.ts";

test("the core hands the payload itself over, and each form is made when it is asked for", () => {
  const arrived = new Arrived();
  const asked: string[] = [];
  const payload = {
    text() {
      asked.push("text");
      return "ä";
    },
    bytes() {
      asked.push("bytes");
      return Buffer.from("ä");
    },
  };
  const codec = arrived.codec as unknown as Record<symbol, (payload: unknown, channel: string | null) => Arrived>;
  expect(codec[decodeArrived]?.(payload, "a\xff")).toBe(arrived);
  expect(asked).toEqual([]);
  expect([arrived.text(), arrived.bytes(), arrived.channelBytes()]).toEqual([
    "ä",
    Buffer.from("ä"),
    Buffer.from([0x61, 0xff]),
  ]);
  expect(asked).toEqual(["text", "bytes"]);
});

test("a core without that door hands over a copy, and nothing is encoded", () => {
  const arrived = new Arrived();
  expect(arrived.codec.decode(Buffer.from("ä")).text()).toBe("ä");
  expect(arrived.bytes()).toEqual(Buffer.from("ä"));
  expect(() => arrived.codec.encode({} as never)).toThrow(TypeError);
});

test("a name has both forms, and a key that stands for its bytes", () => {
  expect(new Name("ä").key).toBe("Ã¤");
  expect(new Name("ä").bytes).toEqual(Buffer.from("ä"));
  expect(new Name(new Uint8Array([0x61, 0xff])).text).toBe("a\ufffd");
  expect(new Name(new Uint8Array([0x61, 0xff])).key).toBe("a\xff");
});

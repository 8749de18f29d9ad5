import fc from "fast-check";
import "../support/seeded.ts";
import { expect, test } from "vitest";
import { latin1, nameMap, nameOf } from "../../src/names.ts";
import { binary } from "./frames.ts";

const name = fc.oneof(binary(50), fc.string({ unit: "binary" }));

test("two names have one key exactly if they are the same bytes", () => {
  fc.assert(
    fc.property(name, name, (one, other) => {
      expect(latin1(one) === latin1(other)).toBe(Buffer.from(one).equals(Buffer.from(other)));
    }),
    { numRuns: 2000 },
  );
});

test("a key gives back its name's bytes, and their text", () => {
  fc.assert(
    fc.property(name, (given) => {
      const bytes = Buffer.from(given);
      expect(latin1(given)).toHaveLength(bytes.length);
      expect(nameOf(latin1(given), "bytes")).toEqual(bytes);
      expect(nameOf(latin1(given), "utf8")).toBe(bytes.toString());
    }),
    { numRuns: 2000 },
  );
});

test("a map finds each of its names and no other", () => {
  fc.assert(
    fc.property(fc.array(name), name, (names, other) => {
      const hex = (given: string | Uint8Array) => Buffer.from(given).toString("hex");
      const model = new Map(names.map((given, i) => [hex(given), i]));
      const map = nameMap(
        names.map((given, i) => [latin1(given), i]),
        "bytes",
      );
      expect(map.size).toBe(model.size);
      expect([...map].map(([shown, value]) => [hex(shown), value])).toEqual([...model]);
      for (const given of [...names, other]) {
        expect([map.get(given), map.has(given)]).toEqual([model.get(hex(given)), model.has(hex(given))]);
      }
    }),
    { numRuns: 500 },
  );
});

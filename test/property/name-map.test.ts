import fc from "fast-check";
import "../support/seeded.ts";
import { expect, test } from "vitest";
import { NameMap } from "../../src/resp/name-map.ts";

/** Names that are near each other, of every length up to past the longest that is indexed. */
const name = fc.oneof(
  fc.integer({ min: 0, max: 300 }).map((length) => "x".repeat(length)),
  fc.integer({ min: 0, max: 200 }).map((number) => `user:${number}:news`),
  fc.uint8Array({ maxLength: 9 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
);

type Action = readonly ["set" | "delete" | "find", string] | readonly ["clear", ""];
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 40, arbitrary: fc.tuple(fc.constantFrom("set", "find", "find"), name) },
  { weight: 20, arbitrary: fc.tuple(fc.constant("delete"), name) },
  { weight: 1, arbitrary: fc.constant(["clear", ""] as const) },
);

/** Asks with the name's bytes, as they lie among others. */
function found<V>(map: NameMap<V>, key: string): V | undefined {
  const bytes = Buffer.from(`\xff\xff${key}\r\n$\xff`, "latin1");
  return map.find(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 2, 2 + key.length);
}

test("a map of names does what a Map does, asked by key or by bytes", () => {
  fc.assert(
    fc.property(fc.array(action, { minLength: 1, maxLength: 400 }), (actions) => {
      const map = new NameMap<number>();
      const model = new Map<string, number>();
      for (const [turn, [what, key]] of actions.entries()) {
        if (what === "set") {
          map.set(key, turn);
          model.set(key, turn);
        } else if (what === "delete") expect(map.delete(key)).toBe(model.delete(key));
        else if (what === "clear") {
          map.clear();
          model.clear();
        }
        expect(found(map, key)).toBe(model.get(key));
      }
      for (const [key] of actions.map(([, key]) => [key] as const)) expect(found(map, key)).toBe(model.get(key));
      expect([...map]).toEqual([...model]);
    }),
    { numRuns: 300 },
  );
});

import fc from "fast-check";
import "../../support/seeded.ts";
import { describe, expect, test } from "vitest";
import { SLOTS, slotOf } from "../../../src/cluster/slot.ts";
import { latin1 } from "../../../src/names.ts";
import { slotOf as otherSlotOf } from "../../support/slot.ts";

/** Names with braces where they matter, and any bytes. */
const name = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.array(fc.constantFrom("{", "}", "{}", "a", "user", "ü", "\0"), { maxLength: 8 }).map((parts) => parts.join("")),
  fc.string({ unit: "binary", maxLength: 20 }),
);

const key = (given: string | Uint8Array): string => latin1(given);

describe("the slot of a name", () => {
  test.each([
    ["", 0],
    ["123456789", 12_739],
    ["foo", 12_182],
    ["{foo}", 12_182],
    ["a{foo}b{bar}", 12_182],
    ["{}foo", 9500],
    ["foo{}{bar}", 8363],
    ["foo{{bar}}zap", 4015],
    ["foo{bar", 15_278],
  ])("%j is in %i, as the specification of the cluster has it", (given, slot) => {
    expect([slotOf(key(given)), otherSlotOf(given)]).toEqual([slot, slot]);
  });

  test("an empty tag counts as none, whatever follows", () => {
    for (const given of ["{}{a}", "{}{b}", "x{}{a}", "{}", "{}{}", "{}a}"]) {
      expect(slotOf(key(given))).toBe(otherSlotOf(given));
    }
    expect(slotOf(key("{}{a}"))).not.toBe(slotOf(key("{}{b}")));
  });

  test("is that of another implementation, for any bytes", () => {
    fc.assert(
      fc.property(name, (given) => {
        const slot = slotOf(key(given));
        expect(slot).toBe(otherSlotOf(given));
        expect(slot).toBeLessThan(SLOTS);
      }),
      { numRuns: 5000 },
    );
  });
});

import fc from "fast-check";
import "../support/seeded.ts";
import { expect, test } from "vitest";
import { Ring } from "../../src/core/ring.ts";

/** Pushes or shifts this many, or clears. Runs of both kinds reach the sizes at which the ring grows and shrinks. */
const step = fc.oneof(
  { weight: 10, arbitrary: fc.record({ verb: fc.constantFrom("push", "shift"), count: fc.nat(70) }) },
  { weight: 3, arbitrary: fc.record({ verb: fc.constantFrom("push", "shift"), count: fc.nat(700) }) },
  fc.record({ verb: fc.constant("clear"), count: fc.constant(0) }),
);

test("a ring does what an array does", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const ring = new Ring<number>();
      let model: number[] = [];
      let next = 0;
      for (const { verb, count } of steps) {
        if (verb === "clear") {
          ring.clear();
          model = [];
        }
        const given: (number | undefined)[] = [];
        for (let i = 0; i < count; i++) {
          if (verb === "push") ring.push(next + i);
          else given.push(ring.shift());
        }
        if (verb === "push") model.push(...Array.from({ length: count }, (_, i) => next + i));
        else expect(given).toEqual(Array.from({ length: given.length }, () => model.shift()));
        next += count;
        expect([ring.size, ring.peek(), ring.peekLast()]).toEqual([model.length, model[0], model.at(-1)]);
        expect([...ring]).toEqual(model);
      }
    }),
    { numRuns: 500 },
  );
});

import { expect, test } from "vitest";
import { TypedEmitter } from "../../../src/core/typed-emitter.ts";

class Clock extends TypedEmitter<{ tick: [count: number]; stop: [] }> {}

test("listeners are called with what is emitted, once where that is asked, and no more when they are taken off", () => {
  const clock = new Clock();
  const seen: unknown[] = [];
  const every = (count: number) => seen.push(["every", count]);
  expect(clock.on("tick", every)).toBe(clock);
  expect(clock.once("tick", (count) => seen.push(["once", count]))).toBe(clock);
  expect([clock.emit("tick", 1), clock.emit("tick", 2), clock.emit("stop")]).toEqual([true, true, false]);
  expect(clock.off("tick", every)).toBe(clock);
  expect(clock.emit("tick", 3)).toBe(false);
  expect(seen).toEqual([
    ["every", 1],
    ["once", 1],
    ["every", 2],
  ]);
});

import { expect, test } from "vitest";
import { Deferred, handled, isThenable } from "../../../src/core/deferred.ts";

test("a deferred promise is resolved from outside, once", async () => {
  const deferred = new Deferred<number>();
  deferred.resolve(1);
  deferred.resolve(2);
  deferred.reject(new Error("too late"));
  await expect(deferred.promise).resolves.toBe(1);
});

test("a deferred promise takes over another promise", async () => {
  const deferred = new Deferred<string>();
  deferred.resolve(Promise.resolve("theirs"));
  await expect(deferred.promise).resolves.toBe("theirs");
});

test("a deferred promise is rejected from outside, with any reason", async () => {
  const deferred = new Deferred<never>();
  deferred.reject("a reason");
  await expect(deferred.promise).rejects.toBe("a reason");
});

test("the two ends work apart from their object", async () => {
  const { promise, resolve } = new Deferred<void>();
  resolve();
  await expect(promise).resolves.toBeUndefined();
});

test("a quiet promise is the same promise, and its rejection is handled", async () => {
  const deferred = new Deferred<void>();
  expect(handled(deferred.promise)).toBe(deferred.promise);
  deferred.reject(new Error("told elsewhere"));
  // An unhandled rejection would fail the run.
  await new Promise((resolve) => setImmediate(resolve));
  await expect(deferred.promise).rejects.toThrow("told elsewhere");
});

test("what is to be awaited has a then of its own or of its class", () => {
  // biome-ignore lint/suspicious/noThenProperty: a promise of another library or realm.
  const foreign = { then: () => {} };
  expect([Promise.resolve(), foreign].map(isThenable)).toEqual([true, true]);
  // biome-ignore lint/suspicious/noThenProperty: no promise at all.
  expect([null, undefined, 1, "then", {}, { then: 1 }, () => {}].map(isThenable)).toEqual(Array(7).fill(false));
});

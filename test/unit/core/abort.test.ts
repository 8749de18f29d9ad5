import { getEventListeners } from "node:events";
import { expect, test, vi } from "vitest";
import { onAbort, throwIfAborted } from "../../../src/core/abort.ts";

test("a listener is called once, when the signal aborts", () => {
  const controller = new AbortController();
  const listener = vi.fn();
  onAbort(controller.signal, listener);
  expect(listener).not.toHaveBeenCalled();
  controller.abort();
  controller.abort();
  expect(listener).toHaveBeenCalledTimes(1);
});

test("a listener is called soon where the signal has aborted already", async () => {
  const listener = vi.fn();
  onAbort(AbortSignal.abort(), listener);
  await Promise.resolve();
  expect(listener).toHaveBeenCalledTimes(1);
});

test("a listener that was taken back is not called, and leaves nothing on the signal", () => {
  const controller = new AbortController();
  const listener = vi.fn();
  onAbort(controller.signal, listener)[Symbol.dispose]();
  expect(getEventListeners(controller.signal, "abort")).toEqual([]);
  controller.abort();
  expect(listener).not.toHaveBeenCalled();
});

test("a listener hears of the abort even where another one keeps it from the rest", () => {
  const controller = new AbortController();
  controller.signal.addEventListener("abort", (event) => event.stopImmediatePropagation());
  const listener = vi.fn();
  onAbort(controller.signal, listener);
  controller.abort();
  expect(listener).toHaveBeenCalledTimes(1);
});

test("a thousand listeners on one signal are no leak to warn of", async () => {
  const warned = vi.fn();
  process.on("warning", warned);
  try {
    const { signal } = new AbortController();
    for (let i = 0; i < 1000; i++) onAbort(signal, () => {});
    // Warnings are emitted in a later turn.
    await new Promise((resolve) => setImmediate(resolve));
    expect(warned).not.toHaveBeenCalled();
  } finally {
    process.off("warning", warned);
  }
});

test("an aborted signal is thrown with its reason, another one is not", () => {
  const reason = new Error("enough");
  expect(() => throwIfAborted(AbortSignal.abort(reason))).toThrow(reason);
  expect(() => throwIfAborted(new AbortController().signal)).not.toThrow();
});

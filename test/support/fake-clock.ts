import { syncBuiltinESMExports } from "node:module";
import timersPromises from "node:timers/promises";
import { vi } from "vitest";

/**
 * Stops the clocks and timers of this process, those of `node:timers/promises` too (which Vitest leaves alone), until it is
 * disposed of; `vi.advanceTimersByTimeAsync` moves them. Sockets, immediates and promises go on.
 */
export function stopClock(): Disposable {
  const { setTimeout: original } = timersPromises;
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date", "performance"] });
  timersPromises.setTimeout = delay as typeof original;
  syncBuiltinESMExports();
  return {
    [Symbol.dispose]() {
      timersPromises.setTimeout = original;
      syncBuiltinESMExports();
      vi.useRealTimers();
    },
  };
}

function delay<T>(
  milliseconds = 1,
  value?: T,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      clearTimeout(timer);
      reject(Object.assign(new Error("The operation was aborted"), { name: "AbortError", cause: signal?.reason }));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve(value);
    }, milliseconds);
    if (signal?.aborted) abort();
    else signal?.addEventListener("abort", abort, { once: true });
  });
}

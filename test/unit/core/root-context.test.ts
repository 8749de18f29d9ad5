import { AsyncLocalStorage } from "node:async_hooks";
import { expect, test } from "vitest";
import { inRootContext } from "../../../src/core/root-context.ts";

test("work in the root context sees nothing of the request that begins it, and neither do its timers", async () => {
  const storage = new AsyncLocalStorage<string>();
  const seen: unknown[] = [];
  await storage.run("request", async () => {
    await inRootContext(
      () =>
        new Promise<void>((resolve) => {
          seen.push(storage.getStore());
          setImmediate(() => {
            seen.push(storage.getStore());
            resolve();
          });
        }),
    );
    seen.push(storage.getStore());
  });
  expect(seen).toEqual([undefined, undefined, "request"]);
});

test("what the work gives is given, and what it throws is thrown", () => {
  expect(inRootContext(() => 7)).toBe(7);
  const failure = new Error("its own");
  expect(() =>
    inRootContext(() => {
      throw failure;
    }),
  ).toThrow(failure);
});

import { expect, test } from "vitest";
import { DeadlineError, deadline, eventually } from "../../support/eventually.ts";

test("gives what the assertion returned once it passes", async () => {
  let attempts = 0;
  const result = await eventually(() => {
    attempts += 1;
    if (attempts < 3) throw new Error("not yet");
    return attempts;
  });
  expect(result).toBe(3);
});

test("throws the last failure at the deadline", async () => {
  let attempts = 0;
  const waiting = eventually(
    () => {
      attempts += 1;
      throw new Error(`attempt ${attempts}`);
    },
    { timeout: 100, interval: 5 },
  );
  const error = await waiting.catch((reason: unknown) => reason);
  expect(error).toEqual(new Error(`attempt ${attempts}`));
  expect(attempts).toBeGreaterThan(1);
});

test("an attempt that hangs does not outlive the deadline, nor hide the failure before it", async () => {
  const never = new Promise<void>(() => {});
  await expect(eventually(() => never, { timeout: 50 })).rejects.toBeInstanceOf(DeadlineError);
  let attempts = 0;
  const failsThenHangs = (): Promise<void> => (attempts++ === 0 ? Promise.reject(new Error("telling")) : never);
  await expect(eventually(failsThenHangs, { timeout: 50 })).rejects.toThrow("telling");
});

test("a deadline names what was awaited", async () => {
  await expect(deadline(new Promise(() => {}), 20, "a reply")).rejects.toThrow("waited 20 ms for a reply");
  await expect(deadline(Promise.resolve(7), 20, "a reply")).resolves.toBe(7);
});

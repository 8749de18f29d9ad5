import { expect, test } from "vitest";
import { withCaller } from "../../../src/core/caller.ts";
import { ConnectionError } from "../../../src/errors.ts";

const elsewhere = new ConnectionError("made elsewhere");

async function call(): Promise<void> {
  await Promise.resolve();
  throw withCaller(elsewhere);
}

async function theUser(): Promise<void> {
  await call();
}

test("an error shows who awaited the call, once, behind its own frames", async () => {
  const before = elsewhere.stack ?? "";
  await expect(theUser()).rejects.toBe(elsewhere);
  const after = elsewhere.stack ?? "";
  expect(after.startsWith(before)).toBe(true);
  expect(after).toContain("theUser");
  await expect(theUser()).rejects.toBe(elsewhere);
  expect(elsewhere.stack).toBe(after);
});

test("what is no error of the library stays what it is", () => {
  const reason = Object.freeze(new Error("the user's"));
  expect(withCaller(reason)).toBe(reason);
  expect(withCaller("text")).toBe("text");
  expect(withCaller(undefined)).toBe(undefined);
});

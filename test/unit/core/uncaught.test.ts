import { expect, test } from "vitest";
import { surface } from "../../../src/core/uncaught.ts";

test("an error surfaces as an uncaught exception, after the work at hand", async () => {
  const others = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  const failure = new Error("of a listener");
  let working = true;
  try {
    const surfaced = new Promise((resolve) => {
      process.once("uncaughtException", (error) => resolve([error, working]));
    });
    surface(failure);
    working = false;
    expect(await surfaced).toEqual([failure, false]);
  } finally {
    for (const listener of others) process.on("uncaughtException", listener);
  }
});

import { describe, expect, test } from "vitest";
import { OrderProof } from "../../../src/connection/order-proof.ts";
import { ConnectionError, ServerError } from "../../../src/errors.ts";

const proofOf = (mostStrays = 3): OrderProof => new OrderProof("nonce-1", mostStrays);

describe("a proof that replies are in step", () => {
  test("wants text, and keeps the nonce that it is sent with", () => {
    expect(proofOf()).toMatchObject({ wantsText: true, nonce: "nonce-1" });
  });

  test.each([
    ["the nonce", "nonce-1"],
    ["the nonce as bytes", Buffer.from("nonce-1")],
    ["PONG, where the argument is ignored", "PONG"],
    ["PONG as bytes", Buffer.from("PONG")],
  ])("is complete with %s", async (_what, reply) => {
    const proof = proofOf();
    expect(proof.settle(reply)).toBe(true);
    expect(await proof.proof).toEqual({ unmatched: [], refused: null });
  });

  test("lists the replies that came before its own", async () => {
    const proof = proofOf();
    expect([proof.settle("OK"), proof.settle(7), proof.settle("nonce-1")]).toEqual([false, false, true]);
    expect(await proof.proof).toEqual({ unmatched: ["OK", 7], refused: null });
  });

  test.each([
    ["another nonce", "nonce-2"],
    ["a number", 1],
    ["null", null],
    ["an array", ["nonce-1"]],
  ])("does not take %s for its own", (_what, reply) => {
    expect(proofOf().settle(reply)).toBe(false);
  });

  test("is complete with an error in place of the nonce, told as that of PING", async () => {
    const proof = proofOf();
    expect(proof.settle("stray")).toBe(false);
    expect(proof.settle(new ServerError("NOAUTH Authentication required."))).toBe(true);
    const { unmatched, refused } = await proof.proof;
    expect([unmatched, refused?.code, refused?.command]).toEqual([["stray"], "NOAUTH", "PING"]);
  });

  test("is given up after as many stray replies as it may take", async () => {
    const proof = proofOf(2);
    expect([proof.settle("one"), proof.settle("two")]).toEqual([false, true]);
    expect(await proof.proof).toEqual({ unmatched: ["one", "two"], refused: null });
  });

  test("rejects where the connection is lost", async () => {
    const proof = proofOf();
    const reason = new ConnectionError("lost");
    proof.lost(reason);
    await expect(proof.proof).rejects.toBe(reason);
  });
});

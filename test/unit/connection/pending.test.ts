import { describe, expect, test } from "vitest";
import { Fence, FencePing, PendingCommand } from "../../../src/connection/pending.ts";
import { BEGINNING } from "../../../src/core/moment.ts";
import { ClosedError, ConnectionError, ProtocolError, ServerError } from "../../../src/errors.ts";

describe("a command that awaits its reply", () => {
  test("keeps what its sender wants of the reply, and its first word in upper case", () => {
    const command = new PendingCommand("get", false);
    expect([command.wantsText, command.command, command.since, command.sentAt]).toEqual([false, "GET", 0, BEGINNING]);
    expect(new PendingCommand(Buffer.from("echo"), true)).toMatchObject({ wantsText: true, command: "ECHO" });
  });

  test("resolves with the first reply, and awaits no other", async () => {
    const command = new PendingCommand("GET", true);
    expect(command.settle("value")).toBe(true);
    expect(await command.reply).toBe("value");
  });

  test("rejects with the error of the server, which is told with the command", async () => {
    const command = new PendingCommand("get", true);
    expect(command.settle(new ServerError("WRONGTYPE no"))).toBe(true);
    await expect(command.reply).rejects.toMatchObject({ code: "WRONGTYPE", command: "GET" });
  });

  test("that the server does not know rejects with the version that has it", async () => {
    const command = new PendingCommand("SPUBLISH", true);
    command.settle(new ServerError("ERR unknown command 'SPUBLISH'"));
    await expect(command.reply).rejects.toThrow(/SPUBLISH needs Redis 7\.0/);
  });

  test("rejects where the connection is lost, and says that its fate is not known", async () => {
    const command = new PendingCommand("incr", true);
    const reason = new ConnectionError("The connection was lost.");
    command.lost(reason);
    const error = await command.reply.catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error).toMatchObject({
      message: "The connection was lost. INCR was not answered; the server may or may not have run it.",
      cause: reason,
    });
  });

  test.each([new ClosedError("The client was closed."), new ProtocolError("no RESP")])(
    "rejects with another reason as it is: $name",
    async (reason) => {
      const command = new PendingCommand("GET", true);
      command.lost(reason);
      await expect(command.reply).rejects.toBe(reason);
    },
  );
});

describe("a fence", () => {
  test("keeps its nonce and wants text", () => {
    expect(new Fence("n", true)).toMatchObject({ wantsText: true, nonce: "n", since: 0, sentAt: BEGINNING });
  });

  test.each([true, false])("is passed when its nonce comes back (strict: %s)", async (strict) => {
    const fence = new Fence("n", strict);
    expect(fence.settle("n")).toBe(true);
    expect(await fence.passed).toBe(true);
  });

  test.each([true, false])("is not passed with the reply of another command (strict: %s)", async (strict) => {
    const fence = new Fence("n", strict);
    expect(fence.settle("OK")).toBe(true);
    expect(await fence.passed).toBe(false);
  });

  test("reads the nonce from bytes", async () => {
    const fence = new Fence("n", false);
    fence.settle(Buffer.from("n"));
    expect(await fence.passed).toBe(true);
  });

  test("that is strict is passed with an error such as LOADING", async () => {
    const fence = new Fence("n", true);
    expect(fence.settle(new ServerError("LOADING the dataset"))).toBe(true);
    expect(await fence.passed).toBe(true);
  });

  test("that is not strict skips the errors of earlier commands", async () => {
    const fence = new Fence("n", false);
    expect(fence.settle(new ServerError("NOPERM no"))).toBe(false);
    expect(fence.settle("n")).toBe(true);
    expect(await fence.passed).toBe(true);
  });

  test("is not passed where the connection is lost", async () => {
    const fence = new Fence("n", false);
    fence.lost();
    expect(await fence.passed).toBe(false);
  });
});

describe("a PING that is known by its place", () => {
  test("calls every listener when its answer is read, whatever that is", () => {
    const heard: string[] = [];
    const ping = new FencePing();
    ping.onPassed(() => heard.push("one"));
    ping.onPassed(() => heard.push("two"));
    expect(heard).toEqual([]);
    expect(ping.settle()).toBe(true);
    expect(heard).toEqual(["one", "two"]);
    expect(ping).toMatchObject({ wantsText: true, since: 0, sentAt: BEGINNING });
  });

  test("calls none where the connection is lost", () => {
    const heard: string[] = [];
    const ping = new FencePing();
    ping.onPassed(() => heard.push("passed"));
    ping.lost();
    expect(heard).toEqual([]);
  });
});

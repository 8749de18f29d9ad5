import { describe, expect, test } from "vitest";
import { type Progress, socketLost, tooSlow } from "../../../src/connection/failures.ts";
import { ArgumentError, ConnectionError, ServerError, TimeoutError } from "../../../src/errors.ts";
import { settingsFor } from "./dial.ts";

const endpoint = { host: "redis.example", port: 6379 };
const begun: Progress = { login: true, open: true, lastWords: null, asked: "HELLO" };
const refusal = new ServerError("DENIED Redis is running in protected mode. ", "HELLO");

/** An error as Node gives it for a socket. */
const nodeError = (code: string, address?: string): Error =>
  Object.assign(new Error(`connect ${code} ${address}:6379`), { code, ...(address === undefined ? {} : { address }) });

describe("a socket that is gone", () => {
  test("after the connection was ready is told with how it ended", () => {
    const error = socketLost(endpoint, null, null);
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error.message).toBe("The connection to redis.example:6379 was closed by the server.");
    expect(error.cause).toBeUndefined();
  });

  test("by an error is told with its code, and keeps it as the cause", () => {
    const cause = nodeError("ECONNRESET");
    const error = socketLost(endpoint, cause, null);
    expect(error.message).toBe("The connection to redis.example:6379 failed: ECONNRESET.");
    expect(error.cause).toBe(cause);
  });

  test("before it was open says nothing of commands", () => {
    const error = socketLost(endpoint, nodeError("ECONNREFUSED"), { ...begun, open: false, lastWords: refusal });
    expect(error.message).toBe("The connection to redis.example:6379 failed: ECONNREFUSED.");
  });

  test("during the handshake names the command, and the option that leaves it out", () => {
    const message = (asked: string) => socketLost(endpoint, null, { ...begun, asked }).message;
    expect(message("HELLO")).toMatch(/when it was sent HELLO\. .*"protocol: 2"\.$/);
    expect(message("CLIENT")).toMatch(/when it was sent CLIENT\. .*"clientInfo: false"\.$/);
    expect(message("AUTH")).toBe(
      "The connection to redis.example:6379 was closed by the server when it was sent AUTH.",
    );
  });

  test("during the handshake keeps the error of Node as the cause", () => {
    const cause = nodeError("ECONNRESET");
    expect(socketLost(endpoint, cause, begun).cause).toBe(cause);
  });

  test("is told with the last error of the server, which is the cause", () => {
    const error = socketLost(endpoint, null, { ...begun, lastWords: refusal });
    expect(error.message).toBe(
      "The connection to redis.example:6379 was closed by the server, after it had said: DENIED Redis is running in protected mode.",
    );
    expect(error.cause).toBe(refusal);
  });
});

describe("the reason of a failed dial", () => {
  const reason = (cause: Error, at: Parameters<typeof socketLost>[0] = endpoint): string =>
    /failed: (.*)\.$/.exec(socketLost(at, cause, null).message)?.[1] ?? "";

  test("names the address where a host name was dialled", () => {
    expect(reason(nodeError("ECONNREFUSED", "10.0.0.1"))).toBe("ECONNREFUSED 10.0.0.1");
  });

  test("does not repeat an address that was given", () => {
    expect(reason(nodeError("ECONNREFUSED", "10.0.0.1"), { host: "10.0.0.1", port: 1 })).toBe("ECONNREFUSED");
  });

  test("of a unix socket is the code alone", () => {
    expect(reason(nodeError("ENOENT", "/run/redis.sock"), { path: "/run/redis.sock" })).toBe("ENOENT");
  });

  test("lists what each address of a name answered", () => {
    const each = [new Error("connect ECONNREFUSED ::1:6379"), "a reason that is no Error"];
    expect(reason(new AggregateError(each))).toBe("connect ECONNREFUSED ::1:6379, a reason that is no Error");
  });

  test("of an empty list is its message", () => {
    expect(reason(new AggregateError([], "none"))).toBe("none");
  });

  test("of an error of this library is its message, with one full stop", () => {
    expect(reason(new ArgumentError("The lookup function gave no address."))).toBe(
      "The lookup function gave no address",
    );
  });

  test("of an error without a code is its message", () => {
    expect(reason(new Error("certificate has expired"))).toBe("certificate has expired");
  });
});

describe("an attempt that takes too long", () => {
  const settings = settingsFor(6379, { endpoint, connectTimeout: 700 });

  test("before the credentials are there names their function", () => {
    const error = tooSlow(settings, { ...begun, login: false, open: false });
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error.message).toBe("The credentials function gave no answer for redis.example:6379 within 700 ms.");
  });

  test("before the socket is open asks whether the server is up, and speaks TLS if that is wanted", () => {
    const progress = { ...begun, open: false };
    expect(tooSlow(settings, progress).message).toBe("No connection to redis.example:6379 within 700 ms. Is it up?");
    expect(tooSlow({ ...settings, tls: {} }, progress).message).toMatch(/Is it up, and does it speak TLS\?$/);
  });

  test("during the handshake asks whether it is a Redis server", () => {
    expect(tooSlow(settings, begun).message).toMatch(/within 700 ms\. It took the connection.*Redis server/);
  });

  test("is told with the last error of the server, which is the cause", () => {
    const error = tooSlow(settings, { ...begun, lastWords: refusal });
    expect(error.message).toMatch(/within 700 ms\. It said: DENIED/);
    expect(error.cause).toBe(refusal);
  });
});

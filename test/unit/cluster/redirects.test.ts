import { describe, expect, test } from "vitest";
import { isUnsettled, redirectOf, unknownHost } from "../../../src/cluster/redirects.ts";
import { ServerError } from "../../../src/errors.ts";

const read = (message: string) => redirectOf(new ServerError(message));

describe("a redirect is read", () => {
  test.each([
    ["MOVED 3999 127.0.0.1:6381", { kind: "moved", slot: 3999, host: "127.0.0.1", port: 6381 }],
    ["ASK 0 host-2.example:7000", { kind: "ask", slot: 0, host: "host-2.example", port: 7000 }],
    ["MOVED 1 :6381", { kind: "moved", slot: 1, host: "", port: 6381 }],
    ["MOVED 1 ?:6381", { kind: "moved", slot: 1, host: "", port: 6381 }],
    ["MOVED 16383 ::1:6381", { kind: "moved", slot: 16_383, host: "::1", port: 6381 }],
    ["ASK 16383 [2001:db8::7]:6381", { kind: "ask", slot: 16_383, host: "2001:db8::7", port: 6381 }],
  ])("%s", (message, redirect) => {
    expect(read(message)).toEqual(redirect);
  });

  test.each([
    "ERR unknown command",
    "MOVED",
    "MOVED 1",
    "MOVED x 127.0.0.1:1",
    "MOVED 1 127.0.0.1",
    "MOVED 1 127.0.0.1:port",
    "MOVEDX 1 127.0.0.1:1",
    "CLUSTERDOWN Hash slot not served",
  ])("and nothing else: %s", (message) => {
    expect(read(message)).toBe(null);
  });

  test("of a command too, once the error says which", () => {
    expect(redirectOf(new ServerError("MOVED 7 h:1").about("SPUBLISH"))).toMatchObject({ slot: 7, host: "h", port: 1 });
  });
});

test("what will be served later", () => {
  const unsettled = (message: string) => isUnsettled(new ServerError(message));
  expect(["CLUSTERDOWN Hash slot not served", "TRYAGAIN Multiple keys"].map(unsettled)).toEqual([true, true]);
  expect(["MOVED 1 h:1", "CROSSSLOT Keys", "LOADING", "ERR CLUSTERDOWN"].map(unsettled)).toEqual(
    new Array(4).fill(false),
  );
});

test("hosts that stand for none", () => {
  expect(["", "?", "h", "??"].map(unknownHost)).toEqual([true, true, false, false]);
});

import { describe, expect, test } from "vitest";
import { isHostName, isUnsettled, redirectOf, targetOf, unknownHost } from "../../../src/cluster/redirects.ts";
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
    "MOVED 16384 127.0.0.1:1",
    "MOVED 1 127.0.0.1:0",
    "MOVED 1 127.0.0.1:65536",
    "MOVED -1 127.0.0.1:1",
    "MOVED 1 a b:1",
    "MOVED 1 a\u0000b:1",
    `ASK 1 ${"x".repeat(300)}:1`,
    "MOVEDX 1 127.0.0.1:1",
    "CLUSTERDOWN Hash slot not served",
  ])("and nothing else: %s", (message) => {
    expect(read(message)).toBe(null);
  });

  test("of a command too, once the error says which", () => {
    expect(redirectOf(new ServerError("MOVED 7 h:1").about("SPUBLISH"))).toMatchObject({ slot: 7, host: "h", port: 1 });
  });
});

describe("a redirect leads", () => {
  const target = (message: string, known: { host: string; port: number }[] = []) => {
    const redirect = read(message);
    return redirect && targetOf(redirect, { host: "answered", port: 1 }, known);
  };

  test("to the node that it names", () => {
    expect(target("MOVED 1 h:1")).toEqual({ host: "h", port: 1 });
  });

  test("without a host, to the node that is known by the port, else to the host that answered", () => {
    const known = [
      { host: "a", port: 2 },
      { host: "b", port: 3 },
      { host: "c", port: 3 },
    ];
    expect(["?:2", ":2", "?:3", ":4"].map((where) => target(`MOVED 1 ${where}`, known))).toEqual([
      { host: "a", port: 2 },
      { host: "a", port: 2 },
      { host: "answered", port: 3 },
      { host: "answered", port: 4 },
    ]);
  });

  test("nowhere, where it names the node that answered, or where none is known to have", () => {
    expect(target("MOVED 1 ?:1", [{ host: "a", port: 1 }])).toBe(null);
    expect(targetOf({ kind: "moved", slot: 1, host: "", port: 2 }, null, [])).toBe(null);
  });
});

test("what can be a host", () => {
  const hosts = ["h", "::1", "fe80::1%eth0", "10.0.0.1", "exämple.org", "", "?", "a b", "a\nb", "\u001b[0m", 5, null];
  expect(hosts.map(isHostName)).toEqual([true, true, true, true, true, ...new Array(7).fill(false)]);
});

test("what will be served later", () => {
  const unsettled = (message: string) => isUnsettled(new ServerError(message));
  expect(["CLUSTERDOWN Hash slot not served", "TRYAGAIN Multiple keys"].map(unsettled)).toEqual([true, true]);
  expect(["MOVED 1", "MOVED 1 h:0", "ASK x y"].map(unsettled)).toEqual([true, true, true]);
  expect(["MOVED 1 h:1", "CROSSSLOT Keys", "LOADING", "ERR CLUSTERDOWN"].map(unsettled)).toEqual(
    new Array(4).fill(false),
  );
});

test("hosts that stand for none", () => {
  expect(["", "?", "h", "??"].map(unknownHost)).toEqual([true, true, false, false]);
});

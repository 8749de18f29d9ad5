import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { beforeEach, describe, expect, test } from "vitest";
import { RoleWatch } from "../../../src/connection/role.ts";
import { ConnectionError, type PubSubError, ServerError } from "../../../src/errors.ts";
import type { Argument } from "../../../src/resp/encoder.ts";
import type { Reply } from "../../../src/resp/reply.ts";

const endpoint = { host: "h", port: 7 };
const hello = (role: string): Reply => ["server", "redis", "proto", 3, "role", role, "modules", []];

let watch: RoleWatch;
let demotions: PubSubError[];
beforeEach(() => {
  demotions = [];
  watch = new RoleWatch(endpoint);
  watch.demoted = (error) => demotions.push(error);
});

/** A connection that answers HELLO so, and notes what it is asked. */
function answering(answer: Reply | Error, protocol: 2 | 3 = 3) {
  const asked: (readonly Argument[])[] = [];
  return {
    protocol,
    asked,
    command: async (args: readonly Argument[]): Promise<Reply> => {
      asked.push(args);
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
}

describe("a primary that has become a replica", () => {
  test.each([
    ["master", "replica"],
    ["master", "slave"],
    ["primary", "replica"],
    ["primary", "slave"],
  ])("is noticed where HELLO says %s, then %s", (before, after) => {
    watch.heard(hello(before));
    expect(demotions).toEqual([]);
    watch.heard(hello(after));
    expect(demotions.map(({ code, message }) => [code, message])).toEqual([
      ["PUBSUB", expect.stringMatching(/^h:7 was a primary and is a replica now\..*connect to the new primary\.$/)],
    ]);
  });

  test("is told once, and again after it was a primary in between", () => {
    for (const role of ["master", "replica", "replica", "master", "replica"]) watch.heard(hello(role));
    expect(demotions).toHaveLength(2);
  });

  test("is noticed in the answers of RESP3, and in those read as bytes", () => {
    watch.heard(
      new Map<Reply, Reply>([
        ["server", "redis"],
        ["role", "master"],
      ]),
    );
    watch.heard([Buffer.from("role"), Buffer.from("replica")]);
    expect(demotions).toHaveLength(1);
  });

  test("is published to diagnostics with its endpoint", () => {
    const heard: unknown[] = [];
    const listener = (message: unknown): void => void heard.push(message);
    subscribe("tidings:demoted", listener);
    try {
      watch.heard(hello("master"));
      watch.heard(hello("replica"));
    } finally {
      unsubscribe("tidings:demoted", listener);
    }
    expect(heard).toEqual([{ endpoint }]);
  });

  test("needs no listener", () => {
    const quiet = new RoleWatch(endpoint);
    quiet.heard(hello("master"));
    expect(() => quiet.heard(hello("replica"))).not.toThrow();
  });
});

describe("no demotion", () => {
  test.each([
    ["a replica from the start", ["replica", "replica"]],
    ["a replica that is promoted", ["replica", "master"]],
    ["a primary that stays one", ["master", "master"]],
  ])("is told of %s", (_what, roles) => {
    for (const role of roles) watch.heard(hello(role));
    expect(demotions).toEqual([]);
  });

  test("is told by an answer that says nothing of a role, which changes nothing", () => {
    watch.heard(hello("master"));
    for (const answer of ["OK", null, [], hello("sentinel"), ["role"]]) watch.heard(answer);
    expect(demotions).toEqual([]);
    watch.heard(hello("replica"));
    expect(demotions).toHaveLength(1);
  });
});

describe("asking", () => {
  test("is HELLO in the protocol that is in force", async () => {
    const [two, three] = [answering(hello("master"), 2), answering(hello("replica"), 3)];
    await watch.ask(two);
    await watch.ask(three);
    expect([two.asked, three.asked]).toEqual([[["HELLO", 2]], [["HELLO", 3]]]);
    expect(demotions).toHaveLength(1);
  });

  test("is due an interval after the last time", async () => {
    const before = performance.now();
    await watch.ask(answering(hello("master")));
    const due = watch.due(500);
    expect(due).toBeGreaterThanOrEqual(before + 500);
    expect(due).toBeLessThanOrEqual(performance.now() + 500);
  });

  test("ends where the server refuses HELLO for good", async () => {
    await watch.ask(answering(new ServerError("ERR unknown command 'HELLO'")));
    expect(watch.due(10)).toBe(Number.POSITIVE_INFINITY);
    const line = answering(hello("master"));
    await watch.ask(line);
    expect(line.asked).toEqual([]);
  });

  test.each([new ServerError("LOADING the dataset"), new ConnectionError("lost")])(
    "goes on after %s",
    async (error) => {
      await watch.ask(answering(error));
      const line = answering(hello("master"));
      await watch.ask(line);
      expect(line.asked).toHaveLength(1);
      expect(watch.due(10)).toBeLessThan(Number.POSITIVE_INFINITY);
    },
  );
});

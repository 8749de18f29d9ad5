import { setImmediate as turn } from "node:timers/promises";
import { beforeEach, describe, expect, test } from "vitest";
import type { Refusal, Router, RunOptions } from "../../../../src/client/cluster/router.ts";
import { SlotQueues } from "../../../../src/client/cluster/slot-queues.ts";
import { Unsent } from "../../../../src/client/command-link.ts";
import type { ClusterNode } from "../../../../src/cluster/layout.ts";
import { Deferred } from "../../../../src/core/deferred.ts";
import { ConnectionError, ServerError } from "../../../../src/errors.ts";
import type { Argument } from "../../../../src/resp/encoder.ts";
import type { Reply } from "../../../../src/resp/reply.ts";
import { FakeNodes, nodeAt } from "./fixtures.ts";

/** A command that a router was given; the test settles it. */
interface Routed {
  readonly command: string;
  readonly slot: number | null;
  readonly refused: Refusal | null | undefined;
  readonly since: number | undefined;
  readonly reply: Deferred<Reply>;
}

/** A router that knows owners as the test says, and runs what the test settles. */
class FakeRouter {
  owner: ClusterNode | null = nodeAt(1);
  lives: ClusterNode | null = nodeAt(7);
  readonly livingAsked: (string | null)[] = [];
  readonly routed: Routed[] = [];

  nodeFor(): ClusterNode | null {
    return this.owner;
  }

  living(address: string | null): ClusterNode | null {
    this.livingAsked.push(address);
    return this.lives;
  }

  run(args: readonly Argument[], slot: number | null, { refused, since }: RunOptions = {}): Promise<Reply> {
    const reply = new Deferred<Reply>();
    this.routed.push({ command: args.join(" "), slot, refused, since, reply });
    return reply.promise;
  }
}

let router: FakeRouter;
let nodes: FakeNodes;
let queues: SlotQueues;
/** Replies of the nodes, by the command; the test settles them. */
let replies: Map<string, Deferred<Reply | Error>>;

beforeEach(() => {
  router = new FakeRouter();
  nodes = new FakeNodes();
  replies = new Map();
  queues = new SlotQueues(router as unknown as Router, nodes.asNodes);
  for (const port of [1, 2, 7]) {
    nodes.answers.set(`h:${port}`, (command) => {
      const reply = new Deferred<Reply | Error>();
      replies.set(command, reply);
      return reply.promise;
    });
  }
});

const SLOT = 5;
const send = (payload: string, slot = SLOT): Promise<Reply> => queues.send(slot, ["SPUBLISH", "c", payload]);
const publish = (payload: string): Promise<Reply> => queues.send(SLOT, ["PUBLISH", "c", payload]);
const outcomeOf = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);
const routed = (): string[] => router.routed.map(({ command }) => command);
const sent = (): string[] => nodes.log;
const settle = (payload: string, reply: Reply | Error, verb = "SPUBLISH"): void =>
  replies.get(`${verb} c ${payload}`)?.resolve(reply);
const moved = (): ServerError => new ServerError(`MOVED ${SLOT} h:2`);

describe("messages of one slot", () => {
  test("are pipelined to its node, movable and with their time", async () => {
    const before = performance.now();
    const both = [send("1"), send("2")];
    expect(sent()).toEqual(["h:1 SPUBLISH c 1", "h:1 SPUBLISH c 2"]);
    for (const one of nodes.sent) {
      expect(one).toMatchObject({ wantsText: true, movable: true });
      expect(one.since).toBeGreaterThanOrEqual(before);
    }
    settle("1", 3);
    settle("2", 4);
    expect(await Promise.all(both)).toEqual([3, 4]);
    expect(routed()).toEqual([]);
  });

  test("go over a connection that is ready, and else over the link that opens one", async () => {
    nodes.connected.add("h:1");
    void send("1");
    expect(nodes.linked).toEqual([]);
    nodes.connected.clear();
    void send("2");
    expect(nodes.linked).toEqual(["h:1"]);
    expect(sent()).toHaveLength(2);
  });

  test("reject with what went wrong, and are not sent again", async () => {
    for (const error of [new ConnectionError("lost"), new ServerError("NOPERM no")]) {
      const outcome = outcomeOf(send(error.message));
      settle(error.message, error);
      expect(await outcome).toBe(error);
    }
    expect(routed()).toEqual([]);
  });

  test("do not wait for those of another slot", async () => {
    void send("1");
    router.owner = nodeAt(2);
    void send("2", SLOT + 1);
    expect(sent()).toEqual(["h:1 SPUBLISH c 1", "h:2 SPUBLISH c 2"]);
  });
});

describe("messages that a node refuses", () => {
  test("are routed one after the other, in their order, once all are answered", async () => {
    const all = ["1", "2", "3"].map((payload) => send(payload));
    settle("2", moved());
    settle("1", moved());
    await turn();
    expect(routed()).toEqual([]);
    settle("3", moved());
    await turn();
    expect(routed()).toEqual(["SPUBLISH c 1"]);
    router.routed[0]?.reply.resolve(1);
    await turn();
    router.routed[1]?.reply.resolve(2);
    await turn();
    router.routed[2]?.reply.resolve(3);
    expect(await Promise.all(all)).toEqual([1, 2, 3]);
    expect(routed()).toEqual(["SPUBLISH c 1", "SPUBLISH c 2", "SPUBLISH c 3"]);
  });

  test("are routed with their slot, the refusal, its node and the time at which they were published", async () => {
    const before = performance.now();
    const reply = send("1");
    const error = moved();
    settle("1", error);
    await turn();
    const [first] = router.routed;
    expect(first).toMatchObject({ slot: SLOT, refused: { error, node: nodeAt(1) } });
    expect(first?.since).toBe(nodes.sent[0]?.since);
    expect(first?.since).toBeGreaterThanOrEqual(before);
    first?.reply.resolve(1);
    expect(await reply).toBe(1);
  });

  test("reject with what the router says, and the next goes on", async () => {
    const outcomes = [send("1"), send("2")].map(outcomeOf);
    settle("1", moved());
    settle("2", moved());
    await turn();
    const failure = new ConnectionError("lost");
    router.routed[0]?.reply.reject(failure);
    await turn();
    router.routed[1]?.reply.resolve(2);
    expect(await Promise.all(outcomes)).toEqual([failure, 2]);
  });

  test("of which one was accepted are routed all the same", async () => {
    const both = [send("1"), send("2")];
    settle("1", 1);
    settle("2", moved());
    await turn();
    expect(routed()).toEqual(["SPUBLISH c 2"]);
    router.routed[0]?.reply.resolve(2);
    expect(await Promise.all(both)).toEqual([1, 2]);
  });

  test("unsent are routed without a refusal", async () => {
    const reply = send("1");
    settle("1", new Unsent("cannot be reached"));
    await turn();
    expect(router.routed[0]).toMatchObject({ command: "SPUBLISH c 1", slot: SLOT, refused: null });
    router.routed[0]?.reply.resolve(1);
    expect(await reply).toBe(1);
  });
});

describe("what is published while messages are on their way again", () => {
  test("waits behind them, and then goes to the node all at once", async () => {
    const first = send("1");
    settle("1", moved());
    await turn();
    router.owner = nodeAt(2);
    const later = [send("2"), send("3")];
    expect(sent()).toEqual(["h:1 SPUBLISH c 1"]);
    router.routed[0]?.reply.resolve(1);
    expect(await first).toBe(1);
    await turn();
    expect(sent().slice(1)).toEqual(["h:2 SPUBLISH c 2", "h:2 SPUBLISH c 3"]);
    settle("2", 2);
    settle("3", 3);
    expect(await Promise.all(later)).toEqual([2, 3]);
    // And the queue is as at the beginning.
    void send("4");
    expect(sent().at(-1)).toBe("h:2 SPUBLISH c 4");
  });

  test("waits where one was refused and others are not answered yet", async () => {
    const all = [send("1"), send("2")];
    settle("1", moved());
    await turn();
    all.push(send("3"));
    expect(sent()).toHaveLength(2);
    settle("2", 2);
    await turn();
    router.routed[0]?.reply.resolve(1);
    await turn();
    settle("3", 3);
    expect(await Promise.all(all)).toEqual([1, 2, 3]);
  });

  test("waits where another node has not answered what was sent to it", async () => {
    const first = send("1");
    router.owner = nodeAt(2);
    const second = send("2");
    expect(sent()).toEqual(["h:1 SPUBLISH c 1"]);
    settle("1", 1);
    expect(await first).toBe(1);
    await turn();
    expect([sent(), routed()]).toEqual([["h:1 SPUBLISH c 1", "h:2 SPUBLISH c 2"], []]);
    settle("2", 2);
    expect(await second).toBe(2);
  });

  test("does not wait where the other node has answered all", async () => {
    const first = send("1");
    settle("1", 1);
    await first;
    router.owner = nodeAt(2);
    void send("2");
    expect(sent()).toEqual(["h:1 SPUBLISH c 1", "h:2 SPUBLISH c 2"]);
  });
});

describe("where no node owns the slot", () => {
  beforeEach(() => {
    router.owner = null;
  });

  test("a shard message is routed, without a refusal, and later ones wait behind it", async () => {
    const both = [send("1"), send("2")];
    await turn();
    expect([sent(), routed()]).toEqual([[], ["SPUBLISH c 1"]]);
    expect(router.routed[0]).toMatchObject({ slot: SLOT, refused: null });
    expect(router.routed[0]?.since).toBeGreaterThan(0);
    router.routed[0]?.reply.resolve(1);
    await turn();
    router.routed[1]?.reply.resolve(2);
    expect(await Promise.all(both)).toEqual([1, 2]);
    expect(router.livingAsked).toEqual([]);
  });

  test("a classic message goes to a node that lives: the one that it had, if that does", async () => {
    void publish("1");
    expect([sent(), router.livingAsked]).toEqual([["h:7 PUBLISH c 1"], [null]]);
    void publish("2");
    expect(router.livingAsked).toEqual([null, "h:7"]);
    expect(sent()).toEqual(["h:7 PUBLISH c 1", "h:7 PUBLISH c 2"]);
  });

  test("a classic message that is sent again needs no slot", async () => {
    router.lives = null;
    void outcomeOf(publish("1"));
    await turn();
    expect(router.routed[0]).toMatchObject({ command: "PUBLISH c 1", slot: null });
  });

  test("a classic message goes by its slot again once that has an owner", async () => {
    const first = publish("1");
    router.owner = nodeAt(1);
    settle("1", new Unsent("cannot be reached"), "PUBLISH");
    await turn();
    expect(router.routed[0]).toMatchObject({ command: "PUBLISH c 1", slot: SLOT });
    router.routed[0]?.reply.resolve(1);
    expect(await first).toBe(1);
  });
});

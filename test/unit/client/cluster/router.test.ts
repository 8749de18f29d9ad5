import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { isRefusal, Router } from "../../../../src/client/cluster/router.ts";
import { NeverSent, Unsent } from "../../../../src/client/command-link.ts";
import { Layout } from "../../../../src/cluster/layout.ts";
import { ClusterError, ConnectionError, ServerError, TimeoutError } from "../../../../src/errors.ts";
import { stopClock } from "../../../support/fake-clock.ts";
import { type Answer, FakeNodes, FakeTopology, nodeAt, shardOf, twoShards } from "./fixtures.ts";

let topology: FakeTopology;
let nodes: FakeNodes;

function routerOf(layout: Layout | null = twoShards(), commandTimeout = 10_000): Router {
  topology = new FakeTopology(layout);
  nodes = new FakeNodes();
  return new Router({
    topology: topology.asTopology,
    nodes: nodes.asNodes,
    reach: (announced) => (announced.host === "private" ? { host: "h", port: announced.port } : announced),
    commandTimeout,
  });
}

let router: Router;
let clock: Disposable;
beforeEach(() => {
  clock = stopClock();
  router = routerOf();
});
afterEach(() => clock[Symbol.dispose]());

const moved = (port: number, slot = 5): ServerError => new ServerError(`MOVED ${slot} h:${port}`);
const ask = (port: number, slot = 5): ServerError => new ServerError(`ASK ${slot} h:${port}`);
const unbound = new ServerError("CLUSTERDOWN Hash slot not served");
const tryAgain = new ServerError("TRYAGAIN Multiple keys request during rehashing of slot");

/** Gives each of these once, then OK. */
const inTurn =
  (...answers: (string | Error)[]): Answer =>
  (_command, count) =>
    answers[count] ?? "OK";

/** What becomes of it, within a minute of the clock that stands still otherwise. */
async function outcomeOf(promise: Promise<unknown>): Promise<unknown> {
  const outcome = promise.catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(60_000);
  return outcome;
}

describe("a command", () => {
  test("goes to the node of its slot, as it was given", async () => {
    nodes.answers.set("h:2", () => "value");
    expect(await router.run(["GET", "a"], 150, { wantsText: false, since: performance.now() - 5 })).toBe("value");
    const [sent] = nodes.sent;
    expect(sent).toMatchObject({ address: "h:2", command: "GET a", wantsText: false, movable: true });
    expect(sent?.since).toBeLessThanOrEqual(performance.now() - 5);
    expect(nodes.log).toHaveLength(1);
  });

  test("wants text, from now, unless told otherwise", async () => {
    const before = performance.now();
    await router.run(["GET"], 0);
    expect(nodes.sent[0]?.wantsText).toBe(true);
    expect(nodes.sent[0]?.since).toBeGreaterThanOrEqual(before);
  });

  test("without a slot goes to a primary that lives", async () => {
    router = routerOf(
      new Layout([
        shardOf(0, 99, nodeAt(1, { failed: true }), nodeAt(3, { role: "replica" })),
        shardOf(100, 199, nodeAt(2)),
      ]),
    );
    for (let i = 0; i < 30; i++) await router.run(["PING"], null);
    expect(new Set(nodes.log)).toEqual(new Set(["h:2 PING"]));
  });

  test("without a slot goes to any of them", async () => {
    for (let i = 0; i < 100; i++) await router.run(["PING"], null);
    expect(new Set(nodes.log)).toEqual(new Set(["h:1 PING", "h:2 PING"]));
  });

  test("rejects with what went wrong on its way, and is not sent again", async () => {
    for (const error of [new ServerError("WRONGTYPE no"), new ConnectionError("lost"), new NeverSent("late")]) {
      router = routerOf();
      nodes.answers.set("h:1", () => error);
      expect(await outcomeOf(router.run(["GET"], 5))).toBe(error);
      expect(nodes.log).toEqual(["h:1 GET"]);
    }
  });
});

describe("MOVED", () => {
  test("is followed at once, and the slot is known to have moved", async () => {
    nodes.answers.set("h:1", () => moved(2));
    expect(await router.run(["GET", "a"], 5)).toBe("OK");
    expect(nodes.log).toEqual(["h:1 GET a", "h:2 GET a"]);
    expect([topology.moves, topology.refreshes]).toEqual([[[5, { host: "h", port: 2 }]], 0]);
  });

  test("is followed to the address by which the node is reached", async () => {
    nodes.answers.set("h:1", () => new ServerError("MOVED 5 private:9"));
    await router.run(["GET"], 5);
    expect(nodes.log).toEqual(["h:1 GET", "h:9 GET"]);
  });

  test("tells the slot of a command whose slot was not known", async () => {
    router = routerOf(new Layout([shardOf(0, 9, nodeAt(1))]));
    nodes.answers.set("h:1", () => moved(2, 150));
    await router.run(["GET"], null);
    expect(nodes.log).toEqual(["h:1 GET", "h:2 GET"]);
  });

  test("without a host is followed to the node of that port", async () => {
    nodes.answers.set("h:1", () => new ServerError("MOVED 5 :2"));
    await router.run(["GET"], 5);
    expect([nodes.log, topology.refreshes]).toEqual([["h:1 GET", "h:2 GET"], 1]);
  });

  test("without a host is followed to the host that is known for the port", async () => {
    const other = nodeAt(2, { host: "other", address: "other:2" });
    router = routerOf(new Layout([shardOf(0, 99, nodeAt(1)), shardOf(100, 199, other)]));
    nodes.answers.set("h:1", () => new ServerError("MOVED 5 :2"));
    await router.run(["GET"], 5);
    expect(nodes.log).toEqual(["h:1 GET", "other:2 GET"]);
  });

  test("to the very node that answered asks the others, and waits", async () => {
    nodes.answers.set("h:1", inTurn(new ServerError("MOVED 5 :1")));
    await outcomeOf(router.run(["GET"], 5));
    expect([nodes.log, topology.refreshes, topology.moves]).toEqual([["h:1 GET", "h:1 GET"], 1, [[5, null]]]);
  });

  test("from node to node without end is given up, with the last error as the cause", async () => {
    nodes.answers.set("h:1", () => moved(2));
    nodes.answers.set("h:2", () => moved(1));
    const error = await outcomeOf(router.run(["get"], 5));
    expect(error).toBeInstanceOf(ClusterError);
    expect(error).toMatchObject({
      message: expect.stringMatching(/^GET was sent on 17 times, at last with: MOVED 5 h:/),
      cause: expect.any(ServerError),
    });
    expect(nodes.log).toHaveLength(17);
  });
});

describe("ASK", () => {
  test("is followed behind an ASKING, for this command alone", async () => {
    nodes.answers.set("h:1", inTurn(ask(2)));
    const since = performance.now() - 3;
    await router.run(["GET"], 5, { wantsText: false, since });
    expect(nodes.log).toEqual(["h:1 GET", "h:2 ASKING", "h:2 GET"]);
    expect(topology.moves).toEqual([]);
    expect(nodes.sent.map((one) => [one.wantsText, one.since])).toEqual([
      [false, since],
      [true, since],
      [false, since],
    ]);
    await router.run(["GET"], 5);
    expect(nodes.log.slice(3)).toEqual(["h:1 GET"]);
  });

  test("is not disturbed by an ASKING that fails", async () => {
    nodes.answers.set("h:1", inTurn(ask(2)));
    nodes.answers.set("h:2", (command) => (command === "ASKING" ? new ConnectionError("lost") : "OK"));
    expect(await router.run(["GET"], 5)).toBe("OK");
  });
});

describe("a slot that no node serves yet", () => {
  test.each([unbound, tryAgain])("is asked for again after %s, and the cluster anew", async (refusal) => {
    nodes.answers.set("h:1", inTurn(refusal, refusal));
    expect(await outcomeOf(router.run(["GET"], 5))).toBe("OK");
    expect([nodes.log.length, topology.refreshes]).toEqual([3, 2]);
  });

  test("rejects with the refusal, told with what to do, where it lasts as long as the command", async () => {
    router = routerOf(twoShards(), 60);
    nodes.answers.set("h:1", () => unbound);
    const error = await outcomeOf(router.run(["SPUBLISH", "news", "x"], 5));
    expect(error).toBeInstanceOf(ServerError);
    expect(error).toMatchObject({ code: "CLUSTERDOWN", command: "SPUBLISH", names: ["news"] });
    expect(String(error)).toMatch(
      /SPUBLISH was refused for 60 ms\. No node of the cluster serves slot 5 \(channel "news"\)/,
    );
  });

  test("names no channel of a command that publishes nothing, nor one that is a number", async () => {
    for (const args of [
      ["GET", "news"],
      ["PUBLISH", 7, "x"],
    ] as const) {
      router = routerOf(twoShards(), 40);
      nodes.answers.set("h:1", () => unbound);
      const error = await outcomeOf(router.run([...args], 5));
      expect(error).toMatchObject({ names: [], command: args[0] });
    }
  });

  test("names a channel of bytes", async () => {
    router = routerOf(twoShards(), 40);
    nodes.answers.set("h:1", () => unbound);
    const channel = Buffer.from("news");
    expect(await outcomeOf(router.run(["spublish", channel, "x"], 5))).toMatchObject({ names: [channel] });
  });

  test("rejects with the refusal as it is where the slot is not known, or it is another one", async () => {
    for (const [slot, refusal] of [
      [null, unbound],
      [5, tryAgain],
    ] as const) {
      router = routerOf(twoShards(), 40);
      for (const address of ["h:1", "h:2"]) nodes.answers.set(address, () => refusal);
      const error = await outcomeOf(router.run(["GET"], slot));
      expect(error).toMatchObject({ message: refusal.message, code: refusal.code, command: "GET" });
    }
  });

  test("is asked of any node where the layout has no owner", async () => {
    router = routerOf(new Layout([shardOf(0, 9, nodeAt(1), nodeAt(3, { role: "replica" }))]));
    nodes.answers.set("h:1", () => moved(2, 150));
    await router.run(["GET"], 150);
    expect(nodes.log).toEqual(["h:1 GET", "h:2 GET"]);
  });

  test("is asked of replicas where no primary lives, and never of a node that failed", async () => {
    router = routerOf(
      new Layout([
        shardOf(0, 9, nodeAt(1, { failed: true }), nodeAt(3, { role: "replica" }), nodeAt(4, { failed: true })),
      ]),
    );
    await router.run(["GET"], 150);
    expect(nodes.log).toEqual(["h:3 GET"]);
  });

  test("is asked of nodes that are connected, before others", async () => {
    router = routerOf(new Layout(Array.from({ length: 20 }, (_, i) => shardOf(i, i, nodeAt(i + 1)))));
    nodes.connected.add("h:7");
    for (let i = 0; i < 20; i++) await router.run(["GET"], 150);
    expect(new Set(nodes.log)).toEqual(new Set(["h:7 GET"]));
  });

  test("is asked of others too after the third refusal", async () => {
    router = routerOf(new Layout(Array.from({ length: 50 }, (_, i) => shardOf(i, i, nodeAt(i + 1)))));
    nodes.connected.add("h:7");
    const refused = inTurn(unbound, unbound, unbound);
    nodes.answers.set("h:7", refused);
    await outcomeOf(router.run(["GET"], 150));
    expect(nodes.log.slice(0, 3)).toEqual(["h:7 GET", "h:7 GET", "h:7 GET"]);
    expect(nodes.log).toHaveLength(4);
    // One of fifty is the connected one; ten times in a row it would be by a broken rule only.
    const fourth: (string | undefined)[] = [];
    for (let i = 0; i < 10; i++) {
      nodes.sent.length = 0;
      await outcomeOf(router.run(["GET"], 150));
      fourth.push(nodes.log[3]);
    }
    expect(fourth.some((one) => one !== "h:7 GET")).toBe(true);
  });

  test("is not asked for without a node: the command is refused until one is there", async () => {
    router = routerOf(new Layout([]), 60);
    const error = await outcomeOf(router.run(["GET"], 5));
    expect(error).toMatchObject({ code: "CLUSTERDOWN" });
    expect(String(error)).toContain("No node of the cluster can be reached");
    expect(topology.refreshes).toBeGreaterThan(0);
    expect(nodes.log).toEqual([]);
  });

  test("tells the refusal where the node is gone when the time is over", async () => {
    nodes.answers.set("h:1", inTurn(unbound, new NeverSent("GET was not sent")));
    expect(await outcomeOf(router.run(["GET"], 5))).toMatchObject({ code: "CLUSTERDOWN" });
    router = routerOf();
    const never = new NeverSent("GET was not sent");
    nodes.answers.set("h:1", inTurn(tryAgain, never));
    expect(await outcomeOf(router.run(["GET"], 5))).toBe(never);
  });
});

describe("a command that was given back unsent", () => {
  test("goes to the node that serves the slot by then", async () => {
    nodes.answers.set("h:1", () => {
      topology.layout = topology.layout?.withOwner(5, { host: "h", port: 2 }) ?? null;
      return new Unsent("cannot be reached");
    });
    expect(await router.run(["GET"], 5)).toBe("OK");
    expect(nodes.log).toEqual(["h:1 GET", "h:2 GET"]);
    expect(topology.refreshes).toBe(0);
  });

  test("is not held for refused once more", async () => {
    nodes.answers.set("h:1", inTurn(moved(2)));
    nodes.answers.set("h:2", inTurn(new Unsent("cannot be reached")));
    expect(await outcomeOf(router.run(["GET"], 5))).toBe("OK");
    expect([nodes.log, topology.moves.length]).toEqual([["h:1 GET", "h:2 GET", "h:2 GET"], 1]);
  });

  test("too late is told as never sent, with why the cluster is not known", async () => {
    router = routerOf(twoShards(), 20);
    topology.failure = new ClusterError("No node told what the cluster looks like.");
    // It is given back after its time.
    nodes.answers.set("h:1", () => new Promise((resolve) => setTimeout(resolve, 20, new Unsent("cannot be reached"))));
    const error = await outcomeOf(router.run(["get"], 5));
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({
      message: "GET was not sent: no node for it within 20 ms. No node told what the cluster looks like.",
      cause: topology.failure,
    });
  });
});

describe("a command that is late already", () => {
  test("is not sent", async () => {
    const error = await outcomeOf(router.run(["GET"], 5, { since: performance.now() - 10_000 }));
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({ message: "GET was not sent: no node for it within 10000 ms.", cause: undefined });
    expect(nodes.log).toEqual([]);
  });

  test("and was refused rejects with the refusal, not after another attempt", async () => {
    router = routerOf(twoShards(), 1000);
    const refused = { error: unbound, node: nodeAt(1) };
    // A quarter of its time is not left.
    const error = await outcomeOf(router.run(["GET"], 5, { refused, since: performance.now() - 900 }));
    expect([error, nodes.log]).toEqual([expect.objectContaining({ code: "CLUSTERDOWN" }), []]);
  });
});

describe("a command that was refused before", () => {
  test("begins with where that sends it", async () => {
    await router.run(["GET"], 5, { refused: { error: moved(2), node: nodeAt(1) } });
    expect(nodes.log).toEqual(["h:2 GET"]);
    await router.run(["GET"], 50, { refused: { error: ask(2, 50), node: nodeAt(1) } });
    expect(nodes.log.slice(1)).toEqual(["h:2 ASKING", "h:2 GET"]);
  });
});

describe("a cluster that is not known yet", () => {
  beforeEach(() => {
    router = routerOf(null);
  });

  test("is waited for", async () => {
    const reply = router.run(["GET"], 5);
    const known = router.known(["GET"]);
    topology.learn(twoShards());
    await known;
    expect(await reply).toBe("OK");
    expect(nodes.log).toEqual(["h:1 GET"]);
  });

  test("is waited for as long as the command may take, from when it was issued", async () => {
    router = routerOf(null, 1000);
    let settled = false;
    const command = router.run(["GET"], 5, { since: performance.now() - 300 });
    void command
      .catch(() => {})
      .finally(() => {
        settled = true;
      });
    await vi.advanceTimersByTimeAsync(690);
    expect(settled).toBe(false);
    await vi.advanceTimersByTimeAsync(20);
    expect(settled).toBe(true);
    await expect(command).rejects.toBeInstanceOf(TimeoutError);
  });

  test("has no nodes", () => {
    expect([router.nodeFor(5), router.living(null), router.living("h:1")]).toEqual([null, null, null]);
  });

  test("rejects commands after their time, with why", async () => {
    router = routerOf(null, 30);
    topology.failure = new ClusterError("No node told.");
    for (const outcome of [router.run(["get"], 5), router.known(["get"])].map(outcomeOf)) {
      expect(await outcome).toMatchObject({
        message: "GET was not sent: no node for it within 30 ms. No node told.",
        cause: topology.failure,
      });
    }
  });

  test("that cannot be known rejects with why", async () => {
    const failure = new ServerError("WRONGPASS no");
    topology.known = () => Promise.reject(failure);
    expect(await outcomeOf(router.run(["GET"], 5))).toBe(failure);
  });

  test("is not waited for any more where the time is over", async () => {
    router = routerOf(null, 20);
    const signals: AbortSignal[] = [];
    const { known } = topology;
    topology.known = (signal) => {
      signals.push(signal);
      return known.call(topology, signal);
    };
    await outcomeOf(router.run(["GET"], 5));
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  });
});

describe("the node", () => {
  test("of a slot is its owner, and none where that is not known", () => {
    expect([router.nodeFor(5)?.port, router.nodeFor(150)?.port, router.nodeFor(500)]).toEqual([1, 2, null]);
  });

  test("of an address is that node while it lives, else another", async () => {
    router = routerOf(new Layout([shardOf(0, 9, nodeAt(1, { failed: true })), shardOf(10, 19, nodeAt(2))]));
    expect([router.living("h:2")?.port, router.living("h:1")?.port, router.living("h:9")?.port]).toEqual([2, 2, 2]);
    router = routerOf(new Layout([shardOf(0, 9, nodeAt(1)), shardOf(10, 19, nodeAt(2, { failed: true }))]));
    expect(router.living(null)?.port).toBe(1);
  });
});

describe("a refusal", () => {
  test.each([moved(1), ask(1), unbound, tryAgain, new ServerError("MOVED nowhere")])("is %s", (error) => {
    expect(isRefusal(error)).toBe(true);
  });

  test.each([new ServerError("ERR no"), new ServerError("NOPERM no"), new ConnectionError("MOVED 5 h:1"), null])(
    "is not %s",
    (error) => {
      expect(isRefusal(error)).toBe(false);
    },
  );
});

describe("between refusals", () => {
  /** The times at which a command was sent, in milliseconds since the first. */
  async function timesOf(command: Promise<unknown>): Promise<number[]> {
    await outcomeOf(command);
    const [first = 0] = sentAt;
    return sentAt.map((at) => at - first);
  }
  let sentAt: number[];
  const refusing: (error: Error) => Answer = (error) => () => {
    sentAt.push(performance.now());
    return error;
  };
  beforeEach(() => {
    sentAt = [];
  });

  test("a command waits 20 ms, then longer and longer up to 500, and at least half of each", async () => {
    nodes.answers.set("h:1", refusing(unbound));
    const times = await timesOf(router.run(["GET"], 5));
    const waits = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    expect(waits.length).toBeGreaterThan(15);
    for (const [index, wait] of waits.entries()) {
      const longest = Math.min(500, 20 * 2 ** index);
      expect(wait).toBeLessThanOrEqual(longest + 1);
      expect(wait).toBeGreaterThanOrEqual(longest / 2 - 1);
    }
  });

  test("it is sent no more in the last quarter of its time, and rejects at its end", async () => {
    router = routerOf(twoShards(), 2000);
    nodes.answers.set("h:1", refusing(unbound));
    const since = performance.now();
    let settledAt = 0;
    const times = await timesOf(
      router.run(["GET"], 5).finally(() => {
        settledAt = performance.now() - since;
      }),
    );
    expect(times.at(-1)).toBeLessThanOrEqual(1501);
    expect(times.at(-1)).toBeGreaterThan(700);
    expect(settledAt).toBeGreaterThanOrEqual(2000);
    expect(settledAt).toBeLessThan(2010);
  });

  test("nor in the last second of a long time", async () => {
    router = routerOf(twoShards(), 20_000);
    nodes.answers.set("h:1", refusing(unbound));
    const times = await timesOf(router.run(["GET"], 5));
    expect(times.at(-1)).toBeLessThanOrEqual(19_001);
    expect(times.at(-1)).toBeGreaterThan(18_000);
  });

  test("the first two redirects are followed at once, the others after a wait", async () => {
    nodes.answers.set("h:1", refusing(moved(2)));
    nodes.answers.set("h:2", refusing(moved(1)));
    const times = await timesOf(router.run(["GET"], 5));
    expect(times.slice(0, 3)).toEqual([0, 0, 0]);
    expect(times[3]).toBeGreaterThan(5);
  });
});

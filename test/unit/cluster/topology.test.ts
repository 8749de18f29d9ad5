import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, test } from "vitest";
import type { Layout } from "../../../src/cluster/layout.ts";
import { Topology, type TopologyOptions } from "../../../src/cluster/topology.ts";
import { ClosedError, ClusterError, ConnectionError, ServerError } from "../../../src/errors.ts";
import type { Reply } from "../../../src/resp/reply.ts";
import { eventually } from "../../support/eventually.ts";

/** A cluster of one node with all slots, at this port. */
const shards = (port: number, slots: readonly number[] = [0, 16_383]): Reply => [
  new Map<Reply, Reply>([
    ["slots", [...slots]],
    ["nodes", [new Map<Reply, Reply>(Object.entries({ endpoint: "h", port, role: "master", health: "online" }))]],
  ]),
];

const made: Topology[] = [];
afterAll(() => {
  for (const topology of made) topology.close();
});

/** A topology whose nodes answer as `world` says; notes who was asked. */
function start(options: Partial<TopologyOptions> = {}) {
  const world = {
    port: 1,
    slots: [0, 16_383] as readonly number[],
    assigned: 16_384,
    state: "ok",
    failure: null as Error | null,
    hold: null as Promise<void> | null,
  };
  const asked: number[] = [];
  const topology = new Topology({
    retrying: () => {},
    seeds: [{ host: "h", port: 1 }],
    retryPolicy: () => 5,
    interval: 3_600_000,
    tls: false,
    translate: (announced) => announced,
    line: async ({ port }) => {
      asked.push(port);
      if (world.failure !== null) throw world.failure;
      return {
        command: async ([, subcommand]) => {
          await world.hold;
          if (subcommand === "INFO")
            return `cluster_state:${world.state}\r\ncluster_slots_assigned:${world.assigned}\r\ncluster_slots_pfail:9\r\n`;
          if (subcommand === "SLOTS") throw new ServerError("ERR not allowed");
          return shards(world.port, world.slots);
        },
        end() {},
      };
    },
    ...options,
  });
  made.push(topology);
  return { topology, world, asked };
}

const never = new AbortController().signal;
const owner = (layout: Layout | null): number | undefined => layout?.ownerOf(0)?.port;

describe.concurrent("learning the layout", () => {
  test("at the first use, once for all who wait", async () => {
    const { topology } = start();
    expect([topology.layout, topology.refreshes]).toEqual([null, 0]);
    const layouts = await Promise.all(Array.from({ length: 50 }, () => topology.known(never)));
    expect(new Set(layouts).size).toBe(1);
    expect([owner(topology.layout), topology.refreshes, topology.failure]).toEqual([1, 1, null]);
    expect(await topology.known(never)).toBe(layouts[0]);
    expect(topology.refreshes).toBe(1);
  });

  test("by the retry policy until it succeeds", async () => {
    const attempts: [number, unknown][] = [];
    const { topology, world } = start({
      retryPolicy: (attempt, cause) => {
        attempts.push([attempt, cause]);
        if (attempt === 3) world.failure = null;
        return 1;
      },
    });
    world.failure = new ConnectionError("refused");
    await topology.known(never);
    expect(attempts.map(([attempt]) => attempt)).toEqual([1, 2, 3]);
    for (const [, cause] of attempts) expect(cause).toBeInstanceOf(ClusterError);
  });

  test("rejects where the policy gives up or the login is refused; the next call tries again", async () => {
    const { topology, world } = start({ retryPolicy: () => null });
    world.failure = new ConnectionError("refused");
    await expect(topology.known(never)).rejects.toBeInstanceOf(ClusterError);
    world.failure = new ServerError("WRONGPASS no", "HELLO");
    await expect(topology.known(never)).rejects.toBe(world.failure);
    world.failure = null;
    expect(owner(await topology.known(never))).toBe(1);
  });

  test("an abort rejects only who is aborted; when nobody waits, nobody asks", async () => {
    const { topology, world, asked } = start();
    world.failure = new ConnectionError("refused");
    const [first, second] = [new AbortController(), new AbortController()];
    const waiting = [first, second].map(({ signal }) => topology.known(signal).catch((reason: unknown) => reason));
    first.abort("one");
    expect(await waiting[0]).toBe("one");
    await eventually(() => expect(asked.length).toBeGreaterThan(1));
    second.abort("two");
    expect(await waiting[1]).toBe("two");
    // One attempt may have been due already.
    await sleep(150);
    const before = asked.length;
    await sleep(250);
    expect(asked.length).toBe(before);
  });

  test("whoever comes right after the last one left is served all the same", async () => {
    const { topology, world } = start({ retryPolicy: () => 300 });
    world.failure = new ConnectionError("refused");
    const abort = new AbortController();
    const gone = topology.known(abort.signal).catch((reason: unknown) => reason);
    await eventually(() => expect(topology.failure).not.toBe(null));
    abort.abort("enough");
    const next = topology.known(never);
    world.failure = null;
    expect(await gone).toBe("enough");
    expect(owner(await next)).toBe(1);
  });

  test("a close rejects who waits", async () => {
    const { topology, world } = start();
    world.failure = new ConnectionError("refused");
    const waiting = topology.known(never).catch((reason: unknown) => reason);
    await eventually(() => expect(topology.failure).not.toBe(null));
    topology.close();
    expect(await waiting).toBeInstanceOf(ClosedError);
  });
});

describe.concurrent("refreshing", () => {
  test("all who ask while one is due share it", async () => {
    const { topology } = start();
    await topology.known(never);
    await Promise.all(Array.from({ length: 1000 }, () => topology.refresh()));
    expect(topology.refreshes).toBe(2);
  });

  test("who asks while one runs gets the next: its answer may be from before", async () => {
    const { topology, world } = start();
    await topology.known(never);
    let release = (): void => {};
    world.hold = new Promise<void>((resolve) => {
      release = resolve;
    });
    const early = topology.refresh();
    await eventually(() => expect(topology.refreshes).toBe(2));
    const late = Promise.all([topology.refresh(), topology.refresh()]);
    world.port = 2;
    release();
    await Promise.all([early, late]);
    expect([topology.refreshes, owner(topology.layout)]).toEqual([3, 2]);
  });

  test("comes no closer to the last than 100 ms, however many slots move", async () => {
    const { topology, world } = start();
    await topology.known(never);
    const since = performance.now();
    for (let slot = 0; slot < 1000; slot++) {
      topology.moved(slot, { host: "h", port: 2 });
      if (slot % 50 === 0) await sleep(5);
    }
    world.port = 2;
    await topology.refresh();
    const most = 2 + (performance.now() - since) / 100;
    expect(topology.refreshes - 1).toBeLessThanOrEqual(most);
    expect(topology.refreshes).toBeGreaterThan(1);
  });

  test("what a node says of a slot holds at once, and that node is asked first", async () => {
    const { topology, world, asked } = start();
    await topology.known(never);
    topology.moved(7, { host: "h", port: 9 });
    expect([topology.layout?.ownerOf(7)?.port, topology.layout?.ownerOf(8)?.port]).toEqual([9, 1]);
    world.port = 9;
    await topology.refresh();
    expect(asked.slice(0, 2)).toEqual([1, 9]);
    expect(owner(topology.layout)).toBe(9);
    const { refreshes } = topology;
    topology.moved(7, { host: "h", port: 9 });
    await sleep(150);
    expect(topology.refreshes).toBe(refreshes);
  });

  test("one that fails keeps what is known, and says why", async () => {
    const { topology, world } = start();
    await topology.known(never);
    world.failure = new ConnectionError("refused");
    await topology.refresh();
    expect([owner(topology.layout), (topology.failure as Error).message]).toEqual([
      1,
      expect.stringContaining("h:1: refused."),
    ]);
    world.failure = null;
    await topology.refresh();
    expect(topology.failure).toBe(null);
  });

  test("listeners are told the layout, until they are taken back", async () => {
    const { topology, world } = start();
    const told: unknown[] = [];
    const forget = topology.onRefresh((layout) => told.push(owner(layout)));
    await topology.known(never);
    world.port = 2;
    await topology.refresh();
    expect(told).toEqual([1, 2]);
    forget();
    await topology.refresh();
    expect(told).toHaveLength(2);
  });

  test("comes by itself at intervals, and not after the close", async () => {
    const { topology, asked } = start({ interval: 20 });
    await topology.known(never);
    await eventually(() => expect(topology.refreshes).toBeGreaterThan(3));
    topology.close();
    await topology.refresh();
    const before = asked.length;
    await sleep(150);
    expect(asked.length).toBe(before);
  });
});

test("a cluster is isolated while no node is in touch with the majority", async () => {
  const { topology, world } = start();
  await topology.known(never);
  expect(topology.isolated).toBe(false);
  world.state = "fail";
  await topology.refresh();
  expect([topology.isolated, owner(topology.layout)]).toEqual([true, 1]);
  world.state = "ok";
  await topology.refresh();
  expect(topology.isolated).toBe(false);
});

describe.concurrent("worse knowledge does not replace better", () => {
  test("an empty answer at the start is asked again by the policy", async () => {
    const { topology, world } = start();
    world.slots = [];
    const learned = topology.known(never);
    await eventually(() => expect(topology.refreshes).toBeGreaterThan(2));
    expect([topology.layout, String(topology.failure)]).toEqual([null, expect.stringContaining("is not created")]);
    world.slots = [0, 16_383];
    expect(owner(await learned)).toBe(1);
  });

  test("an answer that covers nothing leaves all as it was", async () => {
    const { topology, world } = start();
    await topology.known(never);
    world.slots = [];
    await topology.refresh();
    expect([owner(topology.layout), topology.layout?.covered, topology.failure]).toEqual([
      1,
      16_384,
      expect.anything(),
    ]);
  });

  test("where an answer lacks slots that have an owner, the one that is known stays", async () => {
    const { topology, world } = start();
    await topology.known(never);
    Object.assign(world, { port: 2, slots: [0, 9] });
    await topology.refresh();
    expect([0, 10].map((slot) => topology.layout?.ownerOf(slot)?.port)).toEqual([2, 1]);
    world.assigned = 10;
    await topology.refresh();
    expect([0, 10].map((slot) => topology.layout?.ownerOf(slot)?.port)).toEqual([2, undefined]);
  });

  test("a slot that moved to a node that is not named is asked for", async () => {
    const { topology } = start();
    await topology.known(never);
    topology.moved(5, null);
    await eventually(() => expect(topology.refreshes).toBe(2));
    expect(owner(topology.layout)).toBe(1);
  });
});

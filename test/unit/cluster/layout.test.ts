import { describe, expect, test } from "vitest";
import { addressOf, type ClusterNode, Layout, type Shard } from "../../../src/cluster/layout.ts";

const node = (port: number, role: "primary" | "replica" = "primary", failed = false): ClusterNode => ({
  address: `h:${port}`,
  host: "h",
  port,
  role,
  failed,
});

const shard = (slots: [number, number][], ...nodes: ClusterNode[]): Shard => ({ nodes, slots });

/** Two shards with a replica each; slots 10 to 19 are nobody's. */
const layout = (): Layout =>
  new Layout([
    shard([[0, 9]], node(1), node(11, "replica")),
    shard(
      [
        [20, 29],
        [40, 40],
      ],
      node(2),
      node(12, "replica"),
    ),
  ]);

describe("a layout", () => {
  test("knows who serves a slot, both ends of a range included", () => {
    const known = layout();
    expect([0, 9, 20, 29, 40].map((slot) => known.ownerOf(slot)?.port)).toEqual([1, 1, 2, 2, 2]);
    expect([10, 19, 30, 39, 41, 16_383].map((slot) => known.ownerOf(slot))).toEqual(new Array(6).fill(null));
    expect(known.shardOf(40)?.nodes.map(({ port }) => port)).toEqual([2, 12]);
    expect(known.shardOf(15)).toBe(null);
    expect(known.primaries.map(({ port }) => port)).toEqual([1, 2]);
    expect([...known.nodes.keys()]).toEqual(["h:1", "h:11", "h:2", "h:12"]);
  });

  test("of two primaries of a shard it takes the living one; a shard may have none", () => {
    const failing = new Layout([
      shard([[0, 0]], node(1, "primary", true), node(11)),
      shard([[1, 1]], node(2, "primary", true)),
      shard([[2, 2]], node(3, "replica")),
    ]);
    expect([0, 1, 2].map((slot) => failing.ownerOf(slot)?.port)).toEqual([11, 2, undefined]);
    expect(failing.shardOf(2)).not.toBe(null);
    expect(failing.primaries.map(({ port }) => port)).toEqual([11, 2]);
  });

  test("without shards it serves nothing", () => {
    const empty = new Layout([]);
    expect([empty.ownerOf(0), empty.shardOf(0), empty.primaries, empty.nodes.size]).toEqual([null, null, [], 0]);
  });
});

describe("withOwner", () => {
  test("gives one slot to a primary that is known, and changes nothing else", () => {
    const before = layout();
    const after = before.withOwner(5, { host: "h", port: 2 });
    expect([4, 5, 6].map((slot) => after.ownerOf(slot)?.port)).toEqual([1, 2, 1]);
    expect(after.shardOf(5)?.nodes.map(({ port }) => port)).toEqual([2, 12]);
    expect(before.ownerOf(5)?.port).toBe(1);
    expect([...after.nodes.keys()]).toEqual([...before.nodes.keys()]);
  });

  test("is the same layout where that is the owner already", () => {
    const before = layout();
    expect(before.withOwner(5, { host: "h", port: 1 })).toBe(before);
  });

  test("takes in a node that nobody knew", () => {
    const after = layout().withOwner(15, { host: "::1", port: 9 });
    expect(after.ownerOf(15)).toEqual({ address: "[::1]:9", host: "::1", port: 9, role: "primary", failed: false });
    expect(after.nodes.has("[::1]:9")).toBe(true);
    expect(after.withOwner(16, { host: "::1", port: 9 }).shards).toHaveLength(3);
  });

  test("takes a replica for promoted, with its siblings behind it", () => {
    const after = layout().withOwner(0, { host: "h", port: 11 });
    expect(after.ownerOf(0)).toMatchObject({ port: 11, role: "primary" });
    expect(after.shardOf(0)?.nodes.map(({ port, role }) => [port, role])).toEqual([
      [11, "primary"],
      [1, "replica"],
    ]);
    expect(after.ownerOf(1)?.port).toBe(1);
  });

  test("may be said of one slot after the other", () => {
    let known = layout();
    for (const [slot, port] of [
      [0, 2],
      [1, 7],
      [0, 7],
      [1, 1],
    ] as const) {
      known = known.withOwner(slot, { host: "h", port });
    }
    expect([0, 1, 2].map((slot) => known.ownerOf(slot)?.port)).toEqual([7, 1, 1]);
  });
});

describe("filledFrom", () => {
  test("takes the shards of slots that it does not know, and nothing else", () => {
    const known = layout();
    const other = new Layout([
      shard([[0, 15]], node(3)),
      shard([[16, 19]], node(2)),
      shard([[30, 35]], node(4), node(14, "replica")),
    ]);
    const filled = known.filledFrom(other);
    expect([0, 9, 10, 15, 16, 19, 20, 30, 35, 36].map((slot) => filled.ownerOf(slot)?.port)).toEqual([
      1,
      1,
      3,
      3,
      2,
      2,
      2,
      4,
      4,
      undefined,
    ]);
    expect(filled.shardOf(16)?.nodes.map(({ port }) => port)).toEqual([2, 12]);
    expect([filled.nodes.has("h:14"), known.nodes.has("h:3"), filled.covered]).toEqual([true, false, 21 + 10 + 6]);
    expect(known.filledFrom(layout())).toBe(known);
  });

  test("a node that is known to be dead stays so", () => {
    const known = new Layout([shard([[0, 0]], node(1), node(2, "replica", true))]);
    const filled = known.filledFrom(new Layout([shard([[1, 1]], node(2))]));
    expect([filled.ownerOf(1)?.failed, filled.nodes.get("h:2")?.failed]).toEqual([true, true]);
  });
});

describe("what contradicts itself", () => {
  test("a slot that two shards claim belongs to the one whose primary lives", () => {
    for (const order of [0, 1]) {
      const claims = [
        shard([[0, 9]], node(1, "primary", true)),
        shard([[5, 9]], node(2)),
        shard([[0, 9]], node(3, "replica")),
      ];
      const known = new Layout(order === 0 ? claims : claims.reverse());
      expect(known.ownerOf(7)?.port).toBe(2);
    }
  });

  test("an address that is listed twice stands for the node that lives", () => {
    for (const nodes of [
      [node(1, "primary", true), node(1)],
      [node(1), node(1, "primary", true)],
    ]) {
      expect(new Layout(nodes.map((one) => shard([], one))).nodes.get("h:1")?.failed).toBe(false);
    }
  });

  test("nodes without end, named by one redirect after the other, do not grow it without end", () => {
    let known = new Layout(Array.from({ length: 2 ** 15 - 1 }, (_, index) => shard([], node(index + 1))));
    known = known.withOwner(1, { host: "other", port: 1 });
    expect([known.ownerOf(1), known.shards.length]).toEqual([null, 2 ** 15 - 1]);
  });
});

test("an address is host:port, with brackets around IPv6", () => {
  expect([addressOf("h", 1), addressOf("10.0.0.1", 2), addressOf("::1", 3)]).toEqual(["h:1", "10.0.0.1:2", "[::1]:3"]);
});

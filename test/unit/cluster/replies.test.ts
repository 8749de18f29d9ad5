import { describe, expect, test } from "vitest";
import { type ClusterView, readAssigned, readHealth, readShards, readSlots } from "../../../src/cluster/replies.ts";
import { ProtocolError } from "../../../src/errors.ts";
import type { Reply } from "../../../src/resp/reply.ts";

const reading: ClusterView = { host: "answered", tls: false, translate: (announced) => announced };

/** A map as RESP2 has it: names and values by turns. */
const flat = (fields: Record<string, Reply>): Reply => Object.entries(fields).flat() as Reply;
const asMap = (fields: Record<string, Reply>): Reply => new Map(Object.entries(fields));

const nodeFields = (fields: Record<string, Reply> = {}): Record<string, Reply> => ({
  id: "x",
  port: 7000,
  ip: "10.0.0.1",
  endpoint: "10.0.0.1",
  role: "master",
  "replication-offset": 1,
  health: "online",
  ...fields,
});

describe.each([
  ["RESP3", asMap],
  ["RESP2", flat],
])("CLUSTER SHARDS in %s", (_, map) => {
  const shards = (...nodes: Record<string, Reply>[]): Reply => [
    map({ slots: [0, 9, 20, 29], nodes: nodes.map((fields) => map(nodeFields(fields))) }),
  ];
  const addresses = (reply: Reply, how: Partial<ClusterView> = {}): string[] => [
    ...readShards(reply, { ...reading, ...how }).nodes.keys(),
  ];

  test("gives nodes and their slots", () => {
    const layout = readShards(
      [
        ...(shards({}, { role: "replica", port: 7001 }) as Reply[]),
        map({ slots: [], nodes: [map(nodeFields({ port: 7002, health: "fail" }))] }),
      ],
      reading,
    );
    expect(layout.shards[0]?.slots).toEqual([
      [0, 9],
      [20, 29],
    ]);
    expect([0, 9, 10, 29].map((slot) => layout.ownerOf(slot)?.port)).toEqual([7000, 7000, undefined, 7000]);
    expect([...layout.nodes.values()].map(({ address, role, failed }) => [address, role, failed])).toEqual([
      ["10.0.0.1:7000", "primary", false],
      ["10.0.0.1:7001", "replica", false],
      ["10.0.0.1:7002", "primary", true],
    ]);
  });

  test.each([
    ["null", null],
    ["empty", ""],
    ["a question mark", "?"],
    ["no text", 7],
    ["a text that can be no host", "a\r\nb"],
  ])("an endpoint that is %s: the host name, else the IP, else the host that answered", (_what, endpoint) => {
    expect(addresses(shards({ endpoint, hostname: "name" }))).toEqual(["name:7000"]);
    expect(addresses(shards({ endpoint, hostname: "" }))).toEqual(["10.0.0.1:7000"]);
    expect(addresses(shards({ endpoint }))).toEqual(["10.0.0.1:7000"]);
    for (const ip of ["", "?", null]) expect(addresses(shards({ endpoint, ip }))).toEqual(["answered:7000"]);
  });

  test("the port is that of TLS where TLS is spoken", () => {
    const both = shards({ port: 7000, "tls-port": 7443 });
    expect([addresses(both), addresses(both, { tls: true })]).toEqual([["10.0.0.1:7000"], ["10.0.0.1:7443"]]);
    const { port: _port, ...onlyTls } = nodeFields({ "tls-port": 7443 });
    const reply: Reply = [map({ slots: [0, 1], nodes: [map(onlyTls)] })];
    expect([addresses(reply), addresses(reply, { tls: true })]).toEqual([["10.0.0.1:7443"], ["10.0.0.1:7443"]]);
  });

  test("addresses are translated, those of the host that answered too", () => {
    const translate = ({ host, port }: { host: string; port: number }) => ({ host: `out-${host}`, port: port + 1 });
    expect(addresses(shards({}, { endpoint: "?", ip: "", role: "replica" }), { translate })).toEqual([
      "out-10.0.0.1:7001",
      "out-answered:7001",
    ]);
  });

  test("a port may be text", () => {
    expect(addresses(shards({ port: "7000" }))).toEqual(["10.0.0.1:7000"]);
  });

  test("a node without a usable port or address is left out, and the rest is used", () => {
    const { port: _port, ...noaddr } = nodeFields({ endpoint: "", ip: "", health: "fail", role: "replica" });
    const bad = [
      { port: "x" },
      { port: 0 },
      { port: -1 },
      { port: 70_000 },
      { port: null },
      { port: 1.5 },
      { port: [] },
    ];
    const replicas = [noaddr, ...bad.map((fields) => nodeFields(fields))].map(map);
    const layout = readShards([map({ slots: [0, 9], nodes: [...replicas, "x", null, map(nodeFields())] })], reading);
    expect([[...layout.nodes.keys()], layout.covered]).toEqual([["10.0.0.1:7000"], 10]);
  });

  test("a shard without nodes is left out, and its slots have no owner", () => {
    const whole = shards({}) as Reply[];
    for (const bad of [map({ slots: [10, 19], nodes: [] }), map({ slots: [10, 19] }), "text", null, 7, []]) {
      const layout = readShards([bad, ...whole], reading);
      expect([layout.shards.length, layout.covered, layout.shardOf(10)]).toEqual([1, 20, null]);
    }
  });

  test("a range that is none is left out", () => {
    const slots = [5, 4, -1, 3, "a", "b", null, 2, 9, 16_384, 2 ** 40, 2 ** 41, 1.5, 2, "7", "8", 16_383, 16_383, 3];
    const layout = readShards([map({ slots, nodes: [map(nodeFields())] })], reading);
    expect(layout.shards[0]?.slots).toEqual([
      [7, 8],
      [16_383, 16_383],
    ]);
    expect(readShards([map({ slots: "0", nodes: [map(nodeFields())] })], reading).covered).toBe(0);
  });

  test("of nodes with the same address one that lives is meant", () => {
    const layout = readShards(shards({ health: "fail" }, { role: "replica" }), reading);
    expect([...layout.nodes.values()].map(({ failed, role }) => [failed, role])).toEqual([[false, "replica"]]);
    expect(layout.shards[0]?.nodes).toHaveLength(1);
  });

  test("what is no list is a ProtocolError, and a list without a single record a layout without slots", () => {
    for (const reply of [null, "text", 5, new Map()]) expect(() => readShards(reply, reading)).toThrow(ProtocolError);
    for (const reply of [["text"], [map({ slots: [0, 1] })], [map({ nodes: [] })], []]) {
      expect(readShards(reply as Reply, reading).covered).toBe(0);
    }
  });
});

describe("CLUSTER SLOTS", () => {
  test("gives nodes and their slots, one shard for each primary", () => {
    const layout = readSlots(
      [
        [0, 99, ["10.0.0.1", 7000, "id1", []], ["10.0.0.2", 7001, "id2"]],
        [100, 100, ["10.0.0.3", 7002, "id3"]],
        [200, 299, ["10.0.0.1", 7000, "id1"], ["10.0.0.2", 7001, "id2"]],
      ] as Reply,
      reading,
    );
    expect(layout.shards).toHaveLength(2);
    expect([0, 99, 100, 101, 250].map((slot) => layout.ownerOf(slot)?.address)).toEqual([
      "10.0.0.1:7000",
      "10.0.0.1:7000",
      "10.0.0.3:7002",
      undefined,
      "10.0.0.1:7000",
    ]);
    expect(layout.nodes.get("10.0.0.2:7001")?.role).toBe("replica");
  });

  test.each([[null], [""], ["?"]])("a host that is %j stands for the one that answered", (host) => {
    const layout = readSlots([[0, 1, [host, 7000, "id"]]] as Reply, reading);
    expect([...layout.nodes.keys()]).toEqual(["answered:7000"]);
  });

  test("the IP or host name that is told beside an unknown host stands for it", () => {
    const rows: Reply = [
      [0, 1, ["?", 7000, "id", ["ip", "10.0.0.1"]], [null, 7001, "id", ["ip", "10.0.0.2", "hostname", "name"]]],
      [2, 3, ["", 7002, "id", new Map([["ip", "10.0.0.3"]])]],
    ];
    expect([...readSlots(rows, reading).nodes.keys()]).toEqual(["10.0.0.1:7000", "name:7001", "10.0.0.3:7002"]);
  });

  test("what cannot be used is left out, and the rest is used", () => {
    const bad = [
      "text",
      null,
      [],
      [0, 1, "text"],
      [0, 1, ["h"]],
      [0, 1, ["h", 0]],
      [9, 8, ["h", 1]],
      [-1, 8, ["h", 1]],
    ];
    const layout = readSlots([...bad, [5, 6, ["h", 7000], ["h", null], 7]] as Reply, reading);
    expect([[...layout.nodes.keys()], layout.covered]).toEqual([["h:7000"], 2]);
  });

  test("a row whose primary has no address is served by its replicas", () => {
    const layout = readSlots([[0, 1, ["", null], ["h", 7001]]] as Reply, reading);
    expect([layout.ownerOf(0), layout.shardOf(0)?.nodes.map(({ role }) => role)]).toEqual([null, ["replica"]]);
  });

  test("nothing at all is a layout without slots, what is no list a ProtocolError", () => {
    expect(readSlots([], reading).covered).toBe(0);
    for (const reply of [null, "text", 5]) expect(() => readSlots(reply, reading)).toThrow(ProtocolError);
  });
});

describe("a node has lost the majority", () => {
  const info = (state: string, pfail: number): string =>
    `cluster_enabled:1\r\ncluster_state:${state}\r\ncluster_slots_assigned:16384\r\ncluster_slots_pfail:${pfail}\r\ncluster_slots_fail:0\r\n`;

  test("when it says fail and holds slots' owners suspect", () => {
    expect(readHealth(info("fail", 5000))).toBe("isolated");
    expect(readHealth(info("ok", 5000))).toBe("ok");
    expect(readHealth(info("fail", 0))).toBe("down");
    expect([readHealth(null), readHealth(""), readHealth("cluster_state:fail")]).toEqual(["ok", "ok", "down"]);
  });
});

test("how many slots have an owner, where the node says so", () => {
  expect(readAssigned("cluster_state:ok\r\ncluster_slots_assigned:12\r\n")).toBe(12);
  for (const info of ["", null, "cluster_slots_assigned:x", "cluster_slots_assigned:99999", new Map()]) {
    expect(readAssigned(info)).toBe(null);
  }
});

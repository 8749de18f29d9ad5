import { describe, expect, test } from "vitest";
import { type Reading, readHealth, readShards, readSlots } from "../../../src/cluster/replies.ts";
import { ProtocolError } from "../../../src/errors.ts";
import type { Reply } from "../../../src/resp/reply.ts";

const reading: Reading = { host: "answered", tls: false, translate: (announced) => announced };

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
  const addresses = (reply: Reply, how: Partial<Reading> = {}): string[] => [
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
  ])("an endpoint that is %s stands for the host that answered", (_what, endpoint) => {
    expect(addresses(shards({ endpoint }))).toEqual(["answered:7000"]);
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
    expect(addresses(shards({}, { endpoint: "?", role: "replica" }), { translate })).toEqual([
      "out-10.0.0.1:7001",
      "out-answered:7001",
    ]);
  });

  test("what is no such reply is a ProtocolError", () => {
    for (const reply of [
      null,
      "text",
      5,
      ["text"],
      [map({ slots: [0, 1] })],
      [map({ nodes: [] })],
      shards({ port: "x" }),
      shards({ port: 0 }),
    ]) {
      expect(() => readShards(reply as Reply, reading)).toThrow(ProtocolError);
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

  test("nothing at all is a layout without slots, anything else a ProtocolError", () => {
    expect(readSlots([], reading).shards).toEqual([]);
    for (const reply of [null, "text", ["text"], [[0, 1, "text"]], [[0, 1, ["h"]]]]) {
      expect(() => readSlots(reply as Reply, reading)).toThrow(ProtocolError);
    }
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

import fc from "fast-check";
import type { Value } from "../support/fake-cluster.ts";

/** Numbers where an address, a slot or a port is expected. */
const number: fc.Arbitrary<number> = fc.oneof(
  fc.integer({ min: 0, max: 16_383 }),
  fc.constantFrom(-1, 0, 1, 16_383, 16_384, 65_535, 65_536, 2 ** 31, Number.MAX_SAFE_INTEGER),
);

/** Text of which some is a host, a number, or none of both. */
const text: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom("127.0.0.1", "?", "", "a b", "0", "16383", "\u001b[31m", "x".repeat(300), "::1 "),
  fc.string({ maxLength: 5 }).map((some) => some.replace(/[\r\n]/g, " ")),
);

/** Anything a server can say. */
export const anything: fc.Arbitrary<Value> = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constant(null),
    number,
    text,
    fc.constant(new Error("ERR nested")),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.array(fc.tuple(text, tie("value")), { maxLength: 4 }).map((entries) => new Map(entries)),
  ),
})).value;

/** Mostly what is expected, now and then anything. */
function mostly(expected: fc.Arbitrary<Value>): fc.Arbitrary<Value> {
  return fc.oneof({ weight: 40, arbitrary: expected }, { weight: 1, arbitrary: anything });
}

function record(fields: Record<string, fc.Arbitrary<Value>>): fc.Arbitrary<Value> {
  const known = Object.entries(fields).map(([name, value]) =>
    fc.oneof(
      { weight: 20, arbitrary: value.map((one): [string, Value][] => [[name, one]]) },
      { weight: 1, arbitrary: fc.constant<[string, Value][]>([]) },
    ),
  );
  const unknown = fc.array(fc.tuple(text, anything), { maxLength: 1 });
  return fc.tuple(unknown, ...known).map((parts) => new Map<string, Value>(parts.flat()));
}

const range = fc
  .tuple(fc.integer({ min: 0, max: 16_383 }), fc.integer({ min: 0, max: 16_383 }))
  .map(([a, b]): number[] => [Math.min(a, b), Math.max(a, b)]);

/** Answers to CLUSTER SHARDS and CLUSTER SLOTS of nodes at these ports, spoiled. */
export function answers(ports: readonly number[]): { shards: fc.Arbitrary<Value>; slots: fc.Arbitrary<Value> } {
  const host = fc.constantFrom<Value[]>("127.0.0.1", "?", "", null);
  const port = fc.constantFrom<Value[]>(...ports);
  const node = record({
    id: mostly(text),
    port: mostly(port),
    "tls-port": mostly(port),
    ip: mostly(host),
    endpoint: mostly(host),
    hostname: mostly(host),
    role: mostly(fc.constantFrom("master", "replica")),
    health: mostly(fc.constantFrom("online", "fail", "loading")),
  });
  const ranges = fc
    .array(mostly(fc.oneof(range, fc.constantFrom([0, 8191], [8192, 16_383], [0, 16_383]))), { maxLength: 3 })
    .map((all) => all.flat() as Value);
  const shard = record({
    slots: mostly(ranges),
    nodes: mostly(fc.array(mostly(node), { maxLength: 3 })),
  });
  const place = fc
    .tuple(mostly(host), mostly(port), mostly(text), mostly(fc.array(mostly(text), { maxLength: 4 })))
    .map((parts): Value => parts);
  const row = fc
    .tuple(range, fc.array(mostly(place), { maxLength: 3 }))
    .map(([ends, nodes]): Value => [...ends, ...nodes]);
  return {
    shards: mostly(fc.array(mostly(shard), { maxLength: 4 })),
    slots: mostly(fc.array(mostly(row), { maxLength: 4 })),
  };
}

/** Answers to CLUSTER INFO. */
export const infos: fc.Arbitrary<Value> = mostly(
  fc
    .record({ state: fc.constantFrom("ok", "fail", "x"), assigned: number, pfail: fc.constantFrom(0, 1, -1) })
    .map(
      ({ state, assigned, pfail }) =>
        `cluster_state:${state}\r\ncluster_slots_assigned:${assigned}\r\ncluster_slots_pfail:${pfail}\r\n`,
    ),
);

/** Lines of errors that a node of a cluster gives, or something like them. */
export function refusals(ports: readonly number[]): fc.Arbitrary<string> {
  const where = fc.tuple(
    fc.oneof(fc.constantFrom("127.0.0.1", "?", "", "[127.0.0.1]", "a b", "\u001b"), text),
    fc.oneof(fc.constantFrom<number[]>(...ports), number),
  );
  return fc.oneof(
    fc
      .tuple(fc.constantFrom("MOVED", "ASK"), fc.oneof(number, text), where)
      .map(([kind, slot, [host, port]]) => `${kind} ${slot} ${host}:${port}`),
    fc.constantFrom(
      "CLUSTERDOWN The cluster is down",
      "CLUSTERDOWN Hash slot not served",
      "TRYAGAIN",
      "MOVED",
      "ASK 1",
    ),
  );
}

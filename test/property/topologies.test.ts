import fc from "fast-check";
import "../support/seeded.ts";
import { expect, test } from "vitest";
import type { Layout } from "../../src/cluster/layout.ts";
import { isHostName, isPort, isUnsettled, redirectOf, targetOf } from "../../src/cluster/redirects.ts";
import { type ClusterView, readAssigned, readHealth, readShards, readSlots } from "../../src/cluster/replies.ts";
import { ProtocolError, ServerError } from "../../src/errors.ts";
import type { Reply } from "../../src/resp/reply.ts";
import type { Value } from "../support/fake-cluster.ts";
import { fuzz, fuzzTimeout } from "./fuzz.ts";
import { answers, anything, infos, refusals } from "./topologies.ts";

const reading = (tls: boolean): ClusterView => ({ host: "answered", tls, translate: (announced) => announced });

/** As RESP2 has it, where a map is names and values by turns; or as RESP3 does. */
function decoded(value: Value, flat: boolean): Reply {
  if (value instanceof Error) return new ServerError(value.message);
  if (value instanceof Map) {
    const entries = Array.from(value, ([key, one]): [Reply, Reply] => [String(key), decoded(one, flat)]);
    return flat ? entries.flat() : new Map(entries);
  }
  return Array.isArray(value) ? value.map((one) => decoded(one, flat)) : (value as Reply);
}

/** A layout that makes sense, whatever it was read from; `null` for an answer that is none. */
function read(what: (reply: Reply, how: ClusterView) => Layout, reply: Reply, tls: boolean): Layout | null {
  let layout: Layout;
  try {
    layout = what(reply, reading(tls));
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
    expect(Array.isArray(reply)).toBe(false);
    return null;
  }
  check(layout);
  return layout;
}

function check(layout: Layout): void {
  const isRange = ([first, last]: readonly [number, number]) => first >= 0 && first <= last && last < 16_384;
  expect([...layout.nodes.values()].filter(({ host, port }) => !(isHostName(host) && isPort(port)))).toEqual([]);
  expect(layout.shards.filter(({ nodes, slots }) => nodes.length === 0 || !slots.every(isRange))).toEqual([]);
  let covered = 0;
  for (let slot = 0; slot < 16_384; slot += 61) {
    const shard = layout.shardOf(slot);
    if (shard !== null) covered++;
    const owner = layout.ownerOf(slot);
    if (owner !== null && !(shard?.nodes.includes(owner) ?? false)) expect.unreachable("an owner outside of its shard");
  }
  expect(covered <= layout.covered).toBe(true);
  expect([-1, 16_384, 0.5].map((slot) => layout.shardOf(slot))).toEqual([null, null, null]);
}

const { shards, slots } = answers([7000, 7001, 7002]);
const inputs = fc.record({
  shards: fc.oneof(shards, anything),
  slots: fc.oneof(slots, anything),
  info: fc.oneof(infos, anything),
  flat: fc.boolean(),
  tls: fc.boolean(),
});

test("whatever is told of a cluster, what is made of it makes sense", { timeout: fuzzTimeout }, async () => {
  await fuzz(
    "topologies",
    inputs,
    ({ shards: first, slots: second, info, flat, tls }) => {
      const layouts = [
        read(readShards, decoded(first, flat), tls),
        read(readSlots, decoded(second, flat), tls),
        read(readSlots, decoded(first, flat), tls),
      ].filter((layout) => layout !== null);
      const assigned = readAssigned(decoded(info, flat));
      expect(assigned === null || (assigned >= 0 && assigned <= 16_384)).toBe(true);
      expect(["ok", "down", "isolated"]).toContain(readHealth(decoded(info, flat)));
      for (const layout of layouts) {
        for (const other of layouts.filter((one) => one !== layout)) {
          const filled = layout.filledFrom(other);
          check(filled);
          expect(filled.covered).toBeGreaterThanOrEqual(Math.max(layout.covered, other.covered));
        }
      }
    },
    { runs: 300, slice: 100 },
  );
});

test("whatever an error says, a redirect leads to an address or nowhere", { timeout: fuzzTimeout }, async () => {
  const lines = fc.oneof(refusals([7000, 7001]), fc.string());
  const known = [
    { host: "a", port: 7000 },
    { host: "b", port: 7000 },
    { host: "c", port: 7001 },
  ];
  await fuzz(
    "redirects",
    lines,
    (line) => {
      const error = new ServerError(line);
      const redirect = redirectOf(error);
      const isRedirect = error.code === "MOVED" || error.code === "ASK";
      expect(isUnsettled(error)).toBe(isRedirect ? redirect === null : /^(CLUSTERDOWN|TRYAGAIN)$/.test(error.code));
      if (redirect === null) return;
      expect([redirect.slot >= 0 && redirect.slot < 16_384, isPort(redirect.port)]).toEqual([true, true]);
      for (const answered of [{ host: "answered", port: 7000 }, null]) {
        const target = targetOf(redirect, answered, known);
        if (target !== null) expect([isHostName(target.host), isPort(target.port)]).toEqual([true, true]);
      }
    },
    { runs: 5000 },
  );
});

import { ProtocolError } from "../errors.ts";
import type { Reply } from "../resp/reply.ts";
import { addressOf, type ClusterNode, Layout, type Shard } from "./layout.ts";
import { isHostName, isPort } from "./redirects.ts";
import { SLOTS } from "./slot.ts";

/** Where a node is reached. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** What the reader of a reply has to know to turn what a node announces into addresses that can be dialled. */
export interface ClusterView {
  /** The host that answered: it stands for itself where it does not know its name. */
  readonly host: string;
  readonly tls: boolean;
  /** From an announced address to the one that is reached from here. */
  readonly translate: (announced: HostPort) => HostPort;
}

type Range = readonly [first: number, last: number];
type Fields = ReadonlyMap<Reply, Reply>;

/** Records of a kind that are read; a cluster cannot have more owners, or ranges of slots, than slots. */
const MOST = SLOTS;

/**
 * Reads the answer to CLUSTER SHARDS (server 7.0). A record that cannot be used is left out: a node without a port (it was
 * replaced at its address), a range that is none, a shard without nodes.
 */
export function readShards(reply: Reply, reading: ClusterView): Layout {
  const shards: Shard[] = [];
  let ranges = 0;
  for (const record of listOf(reply).slice(0, MOST)) {
    const fields = fieldsOf(record);
    const nodes = records(fields?.get("nodes")).flatMap((node) => nodeOf(fieldsOf(node), reading) ?? []);
    if (fields === null || nodes.length === 0) continue;
    const slots = rangesOf(records(fields.get("slots"))).slice(0, MOST - ranges);
    ranges += slots.length;
    shards.push({ nodes: withoutRepetitions(nodes), slots });
  }
  return new Layout(shards);
}

/** Reads the answer to CLUSTER SLOTS: one row for each range, its primary first. What cannot be used is left out. */
export function readSlots(reply: Reply, reading: ClusterView): Layout {
  const shards = new Map<string, { nodes: readonly ClusterNode[]; slots: Range[] }>();
  for (const row of listOf(reply).slice(0, MOST)) {
    const [first, last, ...nodes] = records(row);
    const [range] = rangesOf([first ?? null, last ?? null]);
    const located = nodes.flatMap((node, index) => rowNodeOf(records(node), index === 0, reading) ?? []);
    if (range === undefined || located.length === 0) continue;
    const primary = located[0]?.address ?? "";
    const shard = shards.get(primary) ?? { nodes: withoutRepetitions(located), slots: [] };
    shard.slots.push(range);
    shards.set(primary, shard);
  }
  return new Layout([...shards.values()]);
}

/**
 * How a node stands with its cluster. `down`: it says so, because slots have no owner, or because it has just started.
 * `isolated`: it has lost the majority; it serves on as if nothing was, and what others publish does not reach it.
 */
export type Health = "ok" | "down" | "isolated";

/** Reads the answer to CLUSTER INFO. */
export function readHealth(info: Reply): Health {
  const fields = infoOf(info);
  if (fields.get("cluster_state") !== "fail") return "ok";
  // A cluster that lacks owners of slots holds no node suspect.
  return Number(fields.get("cluster_slots_pfail")) > 0 ? "isolated" : "down";
}

/** How many slots have an owner, by the answer to CLUSTER INFO; `null` where it does not say. */
export function readAssigned(info: Reply): number | null {
  const assigned = Number(infoOf(info).get("cluster_slots_assigned"));
  return Number.isInteger(assigned) && assigned <= SLOTS ? assigned : null;
}

function infoOf(info: Reply): ReadonlyMap<string | undefined, string | undefined> {
  const text = typeof info === "string" ? info : "";
  return new Map([...text.matchAll(/^(\w+):(\w+)/gm)].map(([, name, value]) => [name, value]));
}

/** A node of CLUSTER SHARDS; `null` if it cannot be reached. */
function nodeOf(fields: Fields | null, reading: ClusterView): ClusterNode | null {
  if (fields === null) return null;
  const [plain, tls] = [portOf(fields.get("port")), portOf(fields.get("tls-port"))];
  const port = reading.tls ? (tls ?? plain) : (plain ?? tls);
  const role = fields.get("role");
  const health = fields.get("health");
  return locate(
    ["endpoint", "hostname", "ip"].map((field) => fields.get(field)),
    port,
    role === "master" || role === "primary",
    health === "fail" || health === "failed",
    reading,
  );
}

/** A node of CLUSTER SLOTS: its host, port and ID, and what else is known of it. */
function rowNodeOf(
  [host, port, , about]: readonly Reply[],
  isPrimary: boolean,
  reading: ClusterView,
): ClusterNode | null {
  const fields = fieldsOf(about);
  return locate([host, fields?.get("hostname"), fields?.get("ip")], portOf(port), isPrimary, false, reading);
}

/** The first host that is one; a node that knows none is at the host that answered. */
function locate(
  hosts: readonly (Reply | undefined)[],
  port: number | null,
  isPrimary: boolean,
  failed: boolean,
  { host: answered, translate }: ClusterView,
): ClusterNode | null {
  if (port === null) return null;
  const { host, port: reached } = translate({ host: hosts.find(isHostName) ?? answered, port });
  return { address: addressOf(host, reached), host, port: reached, role: isPrimary ? "primary" : "replica", failed };
}

/** A replaced node may be listed beside its successor at the same address: the one that has not failed counts, or a primary. */
function withoutRepetitions(nodes: readonly ClusterNode[]): readonly ClusterNode[] {
  const byAddress = new Map<string, ClusterNode>();
  for (const node of nodes.slice(0, MOST)) {
    const known = byAddress.get(node.address);
    const worth = ({ failed, role }: ClusterNode): number => (failed ? 0 : 2) + (role === "primary" ? 1 : 0);
    if (known === undefined || worth(node) > worth(known)) byAddress.set(node.address, node);
  }
  return byAddress.size === nodes.length ? nodes : [...byAddress.values()];
}

/** Both ends of each range by turns. */
function rangesOf(bounds: readonly Reply[]): Range[] {
  const ranges: Range[] = [];
  for (let i = 0; i + 1 < bounds.length; i += 2) {
    const [first, last] = [integerOf(bounds[i]), integerOf(bounds[i + 1])];
    if (first !== null && last !== null && first <= last && last < SLOTS) ranges.push([first, last]);
  }
  return ranges;
}

function portOf(reply: Reply | undefined): number | null {
  const port = integerOf(reply);
  return port !== null && isPort(port) ? port : null;
}

/** An integer from 0; some servers send numbers as text. */
function integerOf(reply: Reply | undefined): number | null {
  const value = typeof reply === "string" && /^\d{1,5}$/.test(reply) ? Number(reply) : reply;
  return typeof value === "number" && Number.isInteger(value) && value >= 0 ? value : null;
}

/** A map as RESP3 has it, or as RESP2 does: names and values by turns. */
function fieldsOf(reply: Reply | undefined): Fields | null {
  if (reply instanceof Map) return reply;
  if (!Array.isArray(reply)) return null;
  const fields = new Map<Reply, Reply>();
  for (let i = 0; i + 1 < reply.length; i += 2) fields.set(reply[i] as Reply, reply[i + 1] as Reply);
  return fields;
}

/** The records of a list in an answer; none where it is no list. */
function records(reply: Reply | undefined): readonly Reply[] {
  return Array.isArray(reply) ? reply : [];
}

function listOf(reply: Reply): readonly Reply[] {
  if (Array.isArray(reply)) return reply;
  throw new ProtocolError("CLUSTER was answered with a reply of an unexpected kind.");
}

import { ProtocolError } from "../errors.ts";
import type { Reply } from "../resp/reply.ts";
import { addressOf, type ClusterNode, Layout, type Shard } from "./layout.ts";
import { unknownHost } from "./redirects.ts";

/** Where a node is reached. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** What the reader of a reply has to know to turn what a node announces into addresses that can be dialled. */
export interface Reading {
  /** The host that answered: it stands for itself where it does not know its name. */
  readonly host: string;
  readonly tls: boolean;
  /** From an announced address to the one that is reached from here. */
  readonly translate: (announced: HostPort) => HostPort;
}

/** Reads the answer to CLUSTER SHARDS (server 7.0). */
export function readShards(reply: Reply, reading: Reading): Layout {
  return new Layout(
    listOf(reply).map((shard): Shard => {
      const fields = fieldsOf(shard);
      const bounds = listOf(fields.get("slots")).map(Number);
      const slots: [number, number][] = [];
      for (let i = 0; i + 1 < bounds.length; i += 2) slots.push([bounds[i] as number, bounds[i + 1] as number]);
      const nodes = listOf(fields.get("nodes")).map((node): ClusterNode => {
        const about = fieldsOf(node);
        const port = (reading.tls ? about.get("tls-port") : null) ?? about.get("port") ?? about.get("tls-port");
        return {
          ...locate(about.get("endpoint") ?? null, port, reading),
          role: about.get("role") === "master" ? "primary" : "replica",
          failed: about.get("health") === "fail" || about.get("health") === "failed",
        };
      });
      return { nodes, slots };
    }),
  );
}

/** Reads the answer to CLUSTER SLOTS: one row for each range, its primary first. */
export function readSlots(reply: Reply, reading: Reading): Layout {
  const shards = new Map<string, { nodes: ClusterNode[]; slots: [number, number][] }>();
  for (const row of listOf(reply)) {
    const [first, last, ...nodes] = listOf(row);
    const located = nodes.map((node, index): ClusterNode => {
      const [host = null, port] = listOf(node);
      return { ...locate(host, port, reading), role: index === 0 ? "primary" : "replica", failed: false };
    });
    const primary = located[0]?.address ?? "";
    const shard = shards.get(primary) ?? { nodes: located, slots: [] };
    shard.slots.push([Number(first), Number(last)]);
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
  const fields = new Map([...String(info).matchAll(/^(\w+):(\w+)/gm)].map(([, name, value]) => [name, value]));
  if (fields.get("cluster_state") !== "fail") return "ok";
  // A cluster that lacks owners of slots holds no node suspect.
  return Number(fields.get("cluster_slots_pfail")) > 0 ? "isolated" : "down";
}

function locate(
  host: Reply,
  port: Reply | undefined,
  { host: answered, translate }: Reading,
): { readonly address: string; readonly host: string; readonly port: number } {
  const known = typeof host === "string" && !unknownHost(host) ? host : answered;
  if (typeof port !== "number" || port <= 0) throw unexpected();
  const reached = translate({ host: known, port });
  return { address: addressOf(reached.host, reached.port), host: reached.host, port: reached.port };
}

/** A map as RESP3 has it, or as RESP2 does: names and values by turns. */
function fieldsOf(reply: Reply): ReadonlyMap<Reply, Reply> {
  if (reply instanceof Map) return reply;
  const list = listOf(reply);
  const fields = new Map<Reply, Reply>();
  for (let i = 0; i + 1 < list.length; i += 2) fields.set(list[i] as Reply, list[i + 1] as Reply);
  return fields;
}

function listOf(reply: Reply | undefined): Reply[] {
  if (!Array.isArray(reply)) throw unexpected();
  return reply;
}

function unexpected(): ProtocolError {
  return new ProtocolError("CLUSTER was answered with a reply of an unexpected kind.");
}

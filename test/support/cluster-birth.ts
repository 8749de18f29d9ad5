import { randomBytes } from "node:crypto";
import { ClusterNode, findPlace, type NodeOptions, type NodePlace } from "./cluster-node.ts";
import { rangesText, type SlotRange } from "./cluster-view.ts";
import { eventually } from "./eventually.ts";
import { has } from "./server-features.ts";
import { SLOTS } from "./slot.ts";

/** The nodes of a cluster to be, in order of their start. */
export interface Unborn {
  readonly primaries: readonly ClusterNode[];
  readonly replicas: readonly ClusterNode[];
  /** By the primary's place: the id of the former primary it takes its slots from. */
  readonly ghosts: readonly string[];
}

/** A node that is to join a cluster, and the id of the former primary whose place it takes. */
interface Joining {
  readonly node: ClusterNode;
  readonly ghost: string;
}

/** The node timeout until the ghosts are forgotten, in milliseconds: no node may take them for failed before. */
const BIRTH_TIMEOUT = 60_000;
/** A ghost with slots needs an address, or Valkey 8.1 takes it for failed at once; nothing listens at this one. */
const REFUSING = { address: "127.0.0.1:1@1", flags: "master" };
/** One without slots does not; and with one, the others would hear of it, by gossip, from a node that joins them. */
const NOWHERE = { address: ":0@0", flags: "master,noaddr" };

/**
 * Prepares nodes that know one another from their files, without a MEET.
 *
 * A primary that starts refuses service for two seconds, a replica does not. So what is to be a primary starts as the
 * replica of a ghost, a node that never was, and takes the ghost's slots over.
 */
export async function prepareNodes(primaryCount: number, replicaCount: number, options: NodeOptions): Promise<Unborn> {
  const places: NodePlace[] = [];
  for (let number = 1; number <= primaryCount * (1 + replicaCount); number++) {
    places.push(await findPlace(number, options));
  }
  const shards = places.slice(0, primaryCount).map((primary, index) => ({
    primary,
    replicas: places.filter((_, place) => place >= primaryCount && place % primaryCount === index),
    ghost: newId(),
    shard: newId(),
    slots: [share(index, primaryCount), share(index + 1, primaryCount) - 1] as const,
  }));
  const replicaLines = (self: NodePlace): string[] =>
    shards.flatMap(({ primary, replicas, shard }) =>
      replicas.map((it) => line(it, self, shard, `slave ${primary.id}`)),
    );
  const ghostFile = (self: NodePlace): string =>
    file([
      ...shards.flatMap(({ primary, ghost, shard, slots }) => [
        line(primary, self, shard, `slave ${ghost}`),
        ghostLine(ghost, shard, REFUSING, slots),
      ]),
      ...replicaLines(self),
    ]);
  const finalFile = (self: NodePlace): string =>
    file([
      ...shards.map(({ primary, shard, slots }) => line(primary, self, shard, "master -", slots)),
      ...replicaLines(self),
    ]);
  return {
    primaries: shards.map(
      ({ primary }, index) => new ClusterNode(`p${index + 1}`, options, primary, ghostFile(primary)),
    ),
    replicas: shards.flatMap(({ replicas }, shard) =>
      replicas.map((it, index) => new ClusterNode(`p${shard + 1}r${index + 1}`, options, it, finalFile(it))),
    ),
    ghosts: shards.map(({ ghost }) => ghost),
  };
}

/** Starts prepared nodes; each has its role and its slots then, but has yet to hear that all others have theirs. */
export async function startNodes({ primaries, replicas, ghosts }: Unborn): Promise<void> {
  const restore = await Promise.all(primaries.map((node) => startPatient(node)));
  for (const [index, node] of primaries.entries()) {
    await takeOver(node);
    // Who has not heard of the last takeover would take over with the same epoch.
    await Promise.all(primaries.slice(index + 1).map((other) => hearsOf(node, other)));
  }
  await Promise.all([...replicas.map((node) => node.start()), ...primaries.map((node) => forgetGhosts(node, ghosts))]);
  await Promise.all(restore.map((restored) => restored()));
}

/** A node that is down, knows nobody but a ghost, and becomes a primary without slots when it joins. */
export function prepareJoining(name: string, options: NodeOptions, place: NodePlace): Joining {
  const [ghost, shard] = [newId(), newId()];
  const nodesFile = file([line(place, place, shard, `slave ${ghost}`), ghostLine(ghost, shard, NOWHERE)]);
  return { node: new ClusterNode(name, options, place, nodesFile), ghost };
}

/** Starts a prepared node and has it join the others. */
export async function startJoining({ node, ghost }: Joining, others: readonly ClusterNode[]): Promise<void> {
  const restore = await startPatient(node);
  for (const { host, place } of others) {
    await node.control.command("CLUSTER", "MEET", host, place.announcedPort, place.announcedBusPort);
  }
  await takeOver(node);
  await forgetGhosts(node, [ghost]);
  await restore();
}

/** Starts a node with a long node timeout; what it resolves with gives the node its own. */
async function startPatient(node: ClusterNode): Promise<() => Promise<void>> {
  await node.start();
  const setting = "cluster-node-timeout";
  const [, timeout = ""] = (await node.control.command("CONFIG", "GET", setting)) as string[];
  await node.control.command("CONFIG", "SET", setting, BIRTH_TIMEOUT);
  return async () => {
    await node.control.command("CONFIG", "SET", setting, timeout);
  };
}

/** The id of a node or a shard. */
function newId(): string {
  return randomBytes(20).toString("hex");
}

async function takeOver(node: ClusterNode): Promise<void> {
  // It keeps the state it has as a replica; before that is ok, the primary's two seconds would begin.
  await eventually(async () => {
    if (!(await node.view()).ok) throw new Error("the node is not ready to take over");
  });
  await node.control.command("CLUSTER", "FAILOVER", "TAKEOVER");
}

async function hearsOf(primary: ClusterNode, node: ClusterNode): Promise<void> {
  await eventually(
    async () => {
      const record = (await node.view()).records.find(({ id }) => id === primary.id);
      if (record?.role !== "primary") throw new Error(`${node.name} has not heard of ${primary.name}`);
    },
    { interval: 2 },
  );
}

/** Forgets the ghosts once they have lost every slot and every replica. */
async function forgetGhosts(node: ClusterNode, ghosts: readonly string[]): Promise<void> {
  await eventually(async () => {
    const { records } = await node.view();
    const needed = records.some(({ id, primaryId, slots }) =>
      ghosts.includes(id) ? slots.length > 0 : ghosts.includes(primaryId ?? ""),
    );
    if (needed) throw new Error("not every primary has taken over");
  });
  await Promise.all(ghosts.map((ghost) => node.control.command("CLUSTER", "FORGET", ghost)));
}

function share(index: number, count: number): number {
  return Math.round((index * SLOTS) / count);
}

function file(lines: readonly string[]): string {
  return `${[...lines, "vars currentEpoch 0 lastVoteEpoch 0"].join("\n")}\n`;
}

function ghostLine(ghost: string, shard: string, { address, flags }: typeof NOWHERE, slots?: SlotRange): string {
  return `${ghost} ${address}${shardText(shard)} ${flags} - 0 0 0 disconnected${slotsText(slots)}`;
}

function slotsText(slots: SlotRange | undefined): string {
  return slots === undefined ? "" : ` ${rangesText([slots])}`;
}

/** An empty host name, and the id of the shard: a node that is not told the ids draws its own, and no two agree. */
function shardText(shard: string): string {
  return has("shardIds") ? `,,shard-id=${shard}` : "";
}

function line(place: NodePlace, self: NodePlace, shard: string, role: string, slots?: SlotRange): string {
  const address = `127.0.0.1:${place.announcedPort}@${place.announcedBusPort}${shardText(shard)}`;
  const flags = `${place === self ? "myself," : ""}${role}`;
  return `${place.id} ${address} ${flags} 0 0 0 connected${slotsText(slots)}`;
}

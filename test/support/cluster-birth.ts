import { randomBytes } from "node:crypto";
import { ClusterNode, findPlace, type NodeOptions, type NodePlace } from "./cluster-node.ts";
import { rangesText, type SlotRange } from "./cluster-view.ts";
import { eventually } from "./eventually.ts";
import { SLOTS } from "./slot.ts";

/** The nodes of a cluster to be, in order of their start. */
export interface Unborn {
  readonly primaries: readonly ClusterNode[];
  readonly replicas: readonly ClusterNode[];
  /** By the primary's place: the former primary it takes its slots from. */
  readonly ghosts: readonly string[];
}

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
    ghost: newGhost(),
    slots: [share(index, primaryCount), share(index + 1, primaryCount) - 1] as const,
  }));
  const replicaLines = (self: NodePlace): string[] =>
    shards.flatMap(({ primary, replicas }) => replicas.map((it) => line(it, self, `slave ${primary.id}`)));
  const ghostFile = (self: NodePlace): string =>
    file([
      ...shards.flatMap(({ primary, ghost, slots }) => [
        line(primary, self, `slave ${ghost}`),
        ghostLine(ghost, slots),
      ]),
      ...replicaLines(self),
    ]);
  const finalFile = (self: NodePlace): string =>
    file([...shards.map(({ primary, slots }) => line(primary, self, "master -", slots)), ...replicaLines(self)]);
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
  await Promise.all(primaries.map((node) => node.start()));
  for (const [index, node] of primaries.entries()) {
    await takeOver(node);
    // Who has not heard of the last takeover would take over with the same epoch.
    await Promise.all(primaries.slice(index + 1).map((other) => hearsOf(node, other)));
  }
  await Promise.all([...replicas.map((node) => node.start()), ...primaries.map((node) => forgetGhosts(node, ghosts))]);
}

/** The file of a node that knows nobody but a ghost. */
export function loneFile(place: NodePlace, ghost: string): string {
  return file([line(place, place, `slave ${ghost}`), ghostLine(ghost)]);
}

/** Has a node that was started with {@link loneFile} join the others; it is a primary without slots then. */
export async function joinCluster(node: ClusterNode, others: readonly ClusterNode[], ghost: string): Promise<void> {
  for (const { host, place } of others) {
    await node.control.command("CLUSTER", "MEET", host, place.announcedPort, place.announcedBusPort);
  }
  await takeOver(node);
  await forgetGhosts(node, [ghost]);
}

/** The id of a node that never was. */
export function newGhost(): string {
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

function ghostLine(ghost: string, slots?: SlotRange): string {
  return `${ghost} :0@0 master,noaddr - 0 0 0 disconnected${slotsText(slots)}`;
}

function slotsText(slots: SlotRange | undefined): string {
  return slots === undefined ? "" : ` ${rangesText([slots])}`;
}

function line(place: NodePlace, self: NodePlace, role: string, slots?: SlotRange): string {
  const { id, announcedPort, announcedBusPort } = place;
  const flags = `${place === self ? "myself," : ""}${role}`;
  return `${id} 127.0.0.1:${announcedPort}@${announcedBusPort} ${flags} 0 0 0 connected${slotsText(slots)}`;
}

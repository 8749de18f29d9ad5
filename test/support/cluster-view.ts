import type { ControlClient } from "./control-client.ts";

/** First and last slot of a range. */
export type SlotRange = readonly [number, number];

/** One line of `CLUSTER NODES`. */
interface NodeRecord {
  readonly id: string;
  readonly port: number;
  readonly flags: ReadonlySet<string>;
  readonly role: "primary" | "replica";
  /** A replica's primary. */
  readonly primaryId: string | null;
  readonly epoch: number;
  readonly connected: boolean;
  readonly slots: readonly SlotRange[];
}

/** What one node holds for true of its cluster. */
export interface ClusterView {
  /** Whether it says `cluster_state:ok`. */
  readonly ok: boolean;
  readonly records: readonly NodeRecord[];
}

/** Asks a node for its view of the cluster. */
export async function clusterView(control: ControlClient): Promise<ClusterView> {
  const [info, nodes] = await Promise.all([control.command("CLUSTER", "INFO"), control.command("CLUSTER", "NODES")]);
  const lines = String(nodes).split("\n");
  return {
    ok: String(info).includes("cluster_state:ok"),
    records: lines.filter((line) => line.trim() !== "").map(parseRecord),
  };
}

/** Whether the slot is in one of the ranges. */
export function includesSlot(ranges: readonly SlotRange[], slot: number): boolean {
  return ranges.some(([first, last]) => slot >= first && slot <= last);
}

/** All slots of the ranges. */
export function slotsIn(ranges: readonly SlotRange[]): number[] {
  return ranges.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, index) => first + index));
}

/** `0-5460 5470` */
export function rangesText(ranges: readonly SlotRange[]): string {
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(" ");
}

/** `id host:port@busport flags primary ping pong epoch link slots…`; slots on their way stand in brackets. */
function parseRecord(line: string): NodeRecord {
  const [id = "", address = "", flagText = "", primary = "", , , epoch, link, ...slots] = line.trim().split(" ");
  const flags = new Set(flagText.split(","));
  return {
    id,
    port: Number(/:(\d+)@/.exec(address)?.[1] ?? 0),
    flags,
    role: flags.has("slave") ? "replica" : "primary",
    primaryId: primary === "-" ? null : primary,
    epoch: Number(epoch),
    connected: link === "connected",
    slots: slots
      .filter((slot) => !slot.startsWith("["))
      .map((slot) => {
        const [first, last = first] = slot.split("-").map(Number);
        return [first ?? 0, last ?? 0];
      }),
  };
}

/** A node as another one, or itself, sees it. */
export interface Member {
  readonly id: string;
  /** The id of a replica's primary; `null`: it is a primary. */
  readonly primaryId: string | null;
  /** Whether it is known, linked and not suspected of having failed. */
  readonly healthy: boolean;
  /** First and last slots of ranges. */
  readonly ranges: readonly (readonly [number, number])[];
}

const TROUBLES = ["fail", "fail?", "handshake", "noaddr"];

/** Reads CLUSTER NODES: `id address flags primary ping pong epoch link slots…`; slots on their way stand in brackets. */
export function readMembers(text: string): Member[] {
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line) => {
    const [id = "", , flagText = "", primary = "-", , , , link, ...slots] = line.split(" ");
    const flags = flagText.split(",");
    return {
      id,
      primaryId: primary === "-" ? null : primary,
      healthy: link === "connected" && !flags.some((flag) => TROUBLES.includes(flag)),
      ranges: slots.filter((slot) => !slot.startsWith("[")).map(readRange),
    };
  });
}

export function hasSlot({ ranges }: Member, slot: number): boolean {
  return ranges.some(([first, last]) => first <= slot && slot <= last);
}

export function slotsOf({ ranges }: Member): number[] {
  return ranges.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, index) => first + index));
}

/** All that nodes have to agree about, as one text. */
export function picture(members: readonly Member[]): string {
  return members
    .map(({ id, primaryId, ranges }) => `${id} ${primaryId} ${ranges.join(" ")}`)
    .sort()
    .join("\n");
}

function readRange(text: string): [number, number] {
  const [first = 0, last = first] = text.split("-").map(Number);
  return [first, last];
}

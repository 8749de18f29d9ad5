import calculateSlot from "cluster-key-slot";

/** Slots of a cluster: 0 to 16,383. */
export const SLOTS = 16_384;

const BRACE = 0x7b;

/** The slot of a name's key (CRC16 of the name, or of its hash tag: the first `{…}` that is not empty). */
export function slotOf(key: string): number {
  const bytes = Buffer.from(key, "latin1");
  // After an empty tag the server hashes the whole name; the library goes on to look for another tag.
  return calculateSlot(startsWithEmptyTag(key) ? withoutBraces(bytes) : bytes);
}

function startsWithEmptyTag(key: string): boolean {
  const open = key.indexOf("{");
  return open >= 0 && key[open + 1] === "}";
}

/** The same to CRC16, which takes the low eight bits; no brace to what looks for one. */
function withoutBraces(bytes: Buffer): Buffer {
  return Uint16Array.from(bytes, (byte) => (byte === BRACE ? byte | 0x100 : byte)) as unknown as Buffer;
}

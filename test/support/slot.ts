/** How many slots a cluster has. */
export const SLOTS = 16_384;

const tags = new Map<number, string>();

/** The slot of a name, or of its hash tag. It shares no line with the library, so that a fault there cannot hide itself. */
export function slotOf(name: string | Uint8Array): number {
  const bytes = Buffer.from(name);
  const open = bytes.indexOf("{");
  const close = open < 0 ? -1 : bytes.indexOf("}", open + 1);
  return crc16(close > open + 1 ? bytes.subarray(open + 1, close) : bytes) % SLOTS;
}

/** A short text whose slot this is: `{text}` in a name puts the name there. */
export function tagOf(slot: number): string {
  for (let next = 0; tags.size < SLOTS; next++) {
    const tag = next.toString(36);
    if (!tags.has(slotOf(tag))) tags.set(slotOf(tag), tag);
  }
  return tags.get(slot) ?? "";
}

/** CRC16-CCITT in the form of XMODEM. */
function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = ((crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021) & 0xffff;
  }
  return crc;
}

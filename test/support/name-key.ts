/** A name as it comes in or goes out: its text, or its bytes. */
export type Name = string | Uint8Array;

/** One string per sequence of bytes, for sets and maps. */
export function nameKey(name: Name): string {
  const bytes =
    typeof name === "string" ? Buffer.from(name) : Buffer.from(name.buffer, name.byteOffset, name.byteLength);
  return bytes.toString("latin1");
}

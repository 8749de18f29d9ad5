/** What stands for bytes, or for an object that has this very key, in JSON that comes with bytes. */
const MARK = "~";

/**
 * A message between servers as a payload: JSON; or, where there are bytes in it, a zero byte, then the JSON and each piece of
 * bytes, every one of them behind its length (32 bits, big-endian).
 */
export function encode(message: unknown): Buffer {
  if (!hasBytes(message)) return Buffer.from(JSON.stringify(message));
  const pieces: Uint8Array[] = [];
  const text = JSON.stringify(message, function (this: Record<string, unknown>, key, value: unknown) {
    // Not `value`: a Buffer has a JSON form of its own, which it has taken already.
    const bytes = bytesOf(this[key]);
    if (bytes !== null) return { [MARK]: pieces.push(bytes) - 1 };
    return isObject(value) && Object.hasOwn(value, MARK) ? { [MARK]: Object.entries(value) } : value;
  });
  return Buffer.concat([Buffer.of(0), ...[Buffer.from(text), ...pieces].flatMap((piece) => [lengthOf(piece), piece])]);
}

/** The message of a payload; throws for what is none. */
export function decode(payload: Buffer): unknown {
  if (payload[0] !== 0) return JSON.parse(payload.toString());
  const [json, ...pieces] = split(payload.subarray(1));
  if (json === undefined) throw new TypeError("The payload has no JSON.");
  return JSON.parse(json.toString(), (_key, value: unknown) => {
    if (!isObject(value) || !Object.hasOwn(value, MARK)) return value;
    const mark = value[MARK];
    if (typeof mark === "number") return pieces[mark] ?? null;
    return Object.fromEntries(mark as [string, unknown][]);
  });
}

function hasBytes(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (bytesOf(value) !== null) return true;
  return (Array.isArray(value) ? value : Object.values(value)).some(hasBytes);
}

function bytesOf(value: unknown): Uint8Array | null {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  return ArrayBuffer.isView(value) ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function lengthOf(piece: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(piece.byteLength);
  return length;
}

function split(bytes: Buffer): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    // Throws where the length itself is cut off.
    const end = at + 4 + bytes.readUInt32BE(at);
    if (end > bytes.length) throw new TypeError("The payload is cut off.");
    pieces.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return pieces;
}

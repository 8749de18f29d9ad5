/** Longer texts are left to the engine. */
const LONGEST = 4096;
/** Four bytes at a time: the bits that ASCII does not have. */
const BEYOND_ASCII = 0x80808080;

/** UTF-16 units of the text at hand, and the same memory as a Buffer. */
const units = new Uint16Array(LONGEST);
const unitBytes = Buffer.from(units.buffer);

/**
 * Decodes UTF-8 as `buffer.toString("utf8", from, to)` does, in half the time that Node 20 and 22 take for text that is not
 * all ASCII: by hand into UTF-16, which V8 only has to copy. What is not valid in any way is left to V8, whose U+FFFD are
 * the standard. For 420 bytes with some words beyond ASCII Node 20 needs 890 ns and this 450; Node 24 needs 290 itself.
 */
export function decodeUtf8(buffer: Buffer, view: DataView, from: number, to: number): string {
  if (to - from > LONGEST) return buffer.toString("utf8", from, to);
  let length = 0;
  let at = from;
  while (at < to) {
    while (at + 8 <= to) {
      const low = view.getInt32(at, true);
      const high = view.getInt32(at + 4, true);
      if (((low | high) & BEYOND_ASCII) !== 0) break;
      units[length] = low & 0xff;
      units[length + 1] = (low >>> 8) & 0xff;
      units[length + 2] = (low >>> 16) & 0xff;
      units[length + 3] = low >>> 24;
      units[length + 4] = high & 0xff;
      units[length + 5] = (high >>> 8) & 0xff;
      units[length + 6] = (high >>> 16) & 0xff;
      units[length + 7] = high >>> 24;
      length += 8;
      at += 8;
    }
    if (at >= to) break;
    let first = buffer[at] as number;
    // The ASCII before the next character that is not...
    while (first < 0x80) {
      units[length++] = first;
      if (++at >= to) return unitBytes.toString("utf16le", 0, 2 * length);
      first = buffer[at] as number;
    }
    // ...and all that follow each other.
    while (first >= 0x80) {
      // Bytes behind the text are read at most, and found out by the length.
      const second = (buffer[at + 1] as number) ^ 0x80;
      if (first < 0xe0) {
        if (first < 0xc2 || at + 2 > to || second > 0x3f) return buffer.toString("utf8", from, to);
        units[length++] = ((first & 0x1f) << 6) | second;
        at += 2;
      } else if (first < 0xf0) {
        const third = (buffer[at + 2] as number) ^ 0x80;
        const point = ((first & 0x0f) << 12) | (second << 6) | third;
        // Longer than needed, or half of a surrogate pair.
        if (at + 3 > to || second > 0x3f || third > 0x3f || point < 0x800 || (point >= 0xd800 && point <= 0xdfff)) {
          return buffer.toString("utf8", from, to);
        }
        units[length++] = point;
        at += 3;
      } else {
        const third = (buffer[at + 2] as number) ^ 0x80;
        const fourth = (buffer[at + 3] as number) ^ 0x80;
        const point = ((first & 0x07) << 18) | (second << 12) | (third << 6) | fourth;
        if (first > 0xf4 || at + 4 > to || (second | third | fourth) > 0x3f || point < 0x10000 || point > 0x10ffff) {
          return buffer.toString("utf8", from, to);
        }
        units[length++] = 0xd7c0 + (point >> 10);
        units[length++] = 0xdc00 | (point & 0x3ff);
        at += 4;
      }
      if (at >= to) break;
      first = buffer[at] as number;
    }
  }
  return unitBytes.toString("utf16le", 0, 2 * length);
}

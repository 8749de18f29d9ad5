import buffer from "node:buffer";
import { syncBuiltinESMExports } from "node:module";

/**
 * How many bytes `run` makes Node's own functions search, copy and turn to text. JavaScript beside them takes a few steps
 * for each call, so this is the work of a decoder, and unlike a time it is the same on every machine.
 */
export function bytesTouched(run: () => void): number {
  let touched = 0;
  const { prototype } = Buffer;
  const { indexOf, toString: text, copy, copyWithin } = prototype;
  const { isAscii } = buffer;
  Object.assign(prototype, {
    indexOf(this: Buffer, value: number, from = 0): number {
      const found = indexOf.call(this, value, from);
      touched += (found < 0 ? this.length : found) - from;
      return found;
    },
    toString(this: Buffer, encoding?: BufferEncoding, from = 0, to = this.length): string {
      touched += to - from;
      return text.call(this, encoding, from, to);
    },
    copy(this: Buffer, target: Uint8Array, at = 0, from = 0, to = this.length): number {
      touched += to - from;
      return copy.call(this, target, at, from, to);
    },
    copyWithin(this: Buffer, at: number, from = 0, to = this.length): Buffer {
      touched += to - from;
      return copyWithin.call(this, at, from, to) as Buffer;
    },
  });
  buffer.isAscii = (bytes) => {
    touched += bytes.byteLength;
    return isAscii(bytes);
  };
  syncBuiltinESMExports();
  try {
    run();
  } finally {
    Object.assign(prototype, { indexOf, toString: text, copy });
    // It is inherited, not Buffer's own.
    Reflect.deleteProperty(prototype, "copyWithin");
    buffer.isAscii = isAscii;
    syncBuiltinESMExports();
  }
  return touched;
}

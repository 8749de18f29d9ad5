import { deepStrictEqual, ok, strictEqual } from "node:assert";
import { ProtocolError } from "../../src/errors.ts";
import { limits as usualLimits } from "../../src/resp/limits.ts";
import type { Payload, Reply } from "../../src/resp/reply.ts";
import { Recorder, type RecorderOptions } from "../unit/resp/recorder.ts";
import { Reference, type Verdict } from "./reference.ts";

const USUAL = 64 * 1024;
/** The hand-written decoder asks for a name's end with the byte behind it, and so may see that it is wrong a little later. */
const LATE = 4;

/** A stream, and how it is given to the decoder. */
export interface Case {
  readonly stream: Buffer;
  readonly options: RecorderOptions;
  readonly cuts: readonly number[];
}

/** Limits that short streams reach. */
export const SMALL = Object.freeze({ depth: 3, bulk: 40, elements: 12, line: 24, frame: 200 });

interface Outcome {
  readonly trace: readonly string[];
  readonly refused: boolean;
}

/** Whatever the stream is: each way to feed it gives what the reference reads, and refuses it where that does. */
export function checkDecoder({ stream, options, cuts }: Case): Verdict {
  const expected = new Recorder(options);
  const verdict = new Reference(stream, expected, {
    text: expected.wantsText,
    limits: { ...usualLimits, ...options.limits },
  }).read();
  const reference: Outcome = { trace: expected.trace, refused: verdict === "refused" };
  const late = reference.refused ? LATE : 0;
  deepStrictEqual(outcome(new Recorder(options), stream, late), reference, "as a whole");
  deepStrictEqual(outcome(new Recorder(options), stream, late, cuts), reference, "in pieces");
  deepStrictEqual(outcome(new Halting(options), stream, late, cuts), reference, "with pauses");
  return verdict;
}

/** Any error but a ProtocolError falls through. A stream that is to be refused may go on for `late` bytes. */
function outcome(recorder: Recorder, stream: Buffer, late: number, cuts?: readonly number[]): Outcome {
  try {
    recorder.feed(stream, cuts).feed(Buffer.alloc(late, "x"));
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { trace: recorder.trace, refused: true };
  }
  const space = recorder.decoder.space();
  ok(space.length > 0, "there is no space for more");
  // What waits for its rest takes no more memory than was sent.
  ok(space.buffer.byteLength <= USUAL + 2 * stream.length, `${space.buffer.byteLength} bytes are held`);
  return { trace: recorder.trace, refused: false };
}

/** Pauses the decoder at every other frame, and resumes it inside the next call or after the piece. */
class Halting extends Recorder {
  #calls = 0;

  override feed(bytes: Uint8Array, sizes?: readonly number[]): this {
    for (let at = 0, turn = 0; at < bytes.length; turn++) {
      const size = sizes?.[turn % sizes.length] ?? bytes.length;
      super.feed(bytes.subarray(at, at + size));
      at += size;
      if (turn % 3 !== 0) this.#goOn();
    }
    this.#goOn();
    return this;
  }

  override message(channel: string, payload: Payload): void {
    super.message(channel, payload);
    this.#halt();
  }

  override pmessage(pattern: string, channel: string, payload: Payload): void {
    super.pmessage(pattern, channel, payload);
    this.#halt();
  }

  override push(items: Reply[]): void {
    super.push(items);
    this.#halt();
  }

  override reply(value: Reply): void {
    super.reply(value);
    this.#halt();
  }

  #halt(): void {
    const turn = this.#calls++ % 5;
    if (turn < 3) this.decoder.pause();
    if (turn === 1) this.decoder.resume();
    // A paused decoder says no more than the frame at hand.
    if (turn === 2) {
      const { length } = this.trace;
      this.decoder.decode(0);
      strictEqual(this.trace.length, length, "a paused decoder went on");
    }
  }

  /** Each time decoding may stop again. */
  #goOn(): void {
    for (let before = -1; before < this.trace.length; ) {
      before = this.trace.length;
      this.decoder.resume();
    }
  }
}

/** The case made as small as it gets while it still fails. */
export function shrink(failing: Case): Case {
  let best = failing;
  const attempt = (smaller: Case): boolean => {
    if (!fails(smaller)) return false;
    best = smaller;
    return true;
  };
  attempt({ ...best, cuts: [1] });
  for (let size = best.stream.length >> 1; size > 0; size >>= 1) {
    for (let at = 0; at < best.stream.length; ) {
      const { stream } = best;
      if (!attempt({ ...best, stream: Buffer.concat([stream.subarray(0, at), stream.subarray(at + size)]) })) at += size;
    }
  }
  return best;
}

export function fails(given: Case): boolean {
  try {
    checkDecoder(given);
    return false;
  } catch {
    return true;
  }
}

import type * as net from "node:net";
import type { Stage } from "./proxy-stages.ts";

/** The faults of one direction. The flow looks at them again for every piece it writes. */
export interface FlowFaults {
  /** No byte goes on, nothing is lost: what a network does that has silently broken. */
  stalled: boolean;
  /** Write at most this many bytes at once, or any number with `null`. */
  fragment: number | null;
  /** Milliseconds each chunk is on its way. */
  delay: number;
  /** Bytes that pass in a second, or any number with `null`. */
  rate: number | null;
}

/** A direction without faults. */
export function noFaults(): FlowFaults {
  return { stalled: false, fragment: null, delay: 0, rate: null };
}

interface Chunk {
  readonly bytes: Buffer;
  readonly due: number;
}

/** Reading stops while this many bytes wait here, so that a fault pushes back as a network does. */
const HIGH_WATER = 1 << 20;

/** How late a timer may be for the rate to hold all the same, in milliseconds. */
const LATENESS = 50;
/** Bytes written at once where there is a rate: small beside what a reader takes at once. */
const PORTION = 16 * 1024;

/** One direction of one proxied connection: bytes from one socket to the other, in order, with faults. */
export class Flow {
  /** Bytes written so far. */
  bytes = 0;
  readonly stages: Stage[] = [];
  readonly faults: FlowFaults;
  readonly #from: net.Socket;
  readonly #to: net.Socket;
  readonly #onCut: () => void;
  readonly #queue: Chunk[] = [];
  #queued = 0;
  #pumping = false;
  #ended = false;
  #closed = false;
  #wake: (() => void) | undefined;
  /** When the next byte may pass, where there is a rate; `performance.now()` time. */
  #free = 0;

  /** `onCut` is called when a stage asked for a cut and the bytes before it are with the kernel. */
  constructor(from: net.Socket, to: net.Socket, faults: FlowFaults, onCut: () => void) {
    this.#from = from;
    this.#to = to;
    this.faults = faults;
    this.#onCut = onCut;
  }

  /** Begins to read. */
  start(): void {
    this.#from.on("data", (chunk: Buffer) => {
      this.#queue.push({ bytes: chunk, due: performance.now() + this.faults.delay });
      this.#queued += chunk.length;
      this.#pump();
    });
    this.#from.once("end", () => {
      this.#ended = true;
      this.#pump();
    });
    this.apply();
  }

  /** Looks at the faults anew. */
  apply(): void {
    // A stalled direction does not even see the other side close.
    if (this.faults.stalled || this.#queued > HIGH_WATER) this.#from.pause();
    else this.#from.resume();
    this.#wake?.();
  }

  /** Forgets what is queued; nothing is written any more. */
  close(): void {
    this.#closed = true;
    this.#queue.length = 0;
    this.#wake?.();
  }

  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    this.#forward().finally(() => {
      this.#pumping = false;
    });
  }

  async #forward(): Promise<void> {
    while (!this.#closed) {
      const chunk = this.#queue[0];
      if (chunk === undefined && !this.#ended) return;
      const wait = (chunk?.due ?? 0) - performance.now();
      if (this.faults.stalled || wait > 0) {
        await this.#sleep(this.faults.stalled ? undefined : wait);
        continue;
      }
      if (chunk === undefined) {
        this.#to.end();
        return;
      }
      this.#queue.shift();
      this.#queued -= chunk.bytes.length;
      const { bytes, cut } = this.#stage(chunk.bytes);
      await this.#write(bytes);
      if (cut) {
        // A reader that finds bytes and a reset at once sees a mere end: let it read the bytes first.
        await turn();
        await turn();
        if (!this.#closed) this.#onCut();
        return;
      }
      if (!this.#closed) this.apply();
    }
  }

  #stage(chunk: Buffer): { readonly bytes: Buffer; readonly cut: boolean } {
    let bytes = chunk;
    let cut = false;
    for (const stage of this.stages) {
      const staged = stage.take(bytes);
      bytes = staged.bytes;
      cut ||= staged.cut;
    }
    return { bytes, cut };
  }

  async #write(bytes: Buffer): Promise<void> {
    for (let offset = 0; offset < bytes.length && !this.#closed; ) {
      if (this.faults.stalled) {
        await this.#sleep();
        continue;
      }
      // A turn of the event loop between two writes, in which a reader in this process reads one piece alone.
      if (this.faults.fragment !== null) await turn();
      const most = this.faults.fragment ?? (this.faults.rate === null ? bytes.length : PORTION);
      const piece = bytes.subarray(offset, offset + most);
      offset += piece.length;
      this.bytes += piece.length;
      await new Promise<void>((resolve) => this.#to.write(piece, () => resolve()));
      await this.#pace(piece.length);
    }
  }

  /** Waits until so many bytes more may have passed; what a late timer has cost is made up for. */
  async #pace(length: number): Promise<void> {
    const { rate } = this.faults;
    if (rate === null) return;
    const now = performance.now();
    this.#free = Math.max(this.#free, now - LATENESS) + (length * 1000) / rate;
    if (this.#free > now) await this.#sleep(this.#free - now);
  }

  /** Until the faults change or the flow closes, or for `ms` milliseconds. */
  async #sleep(ms?: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (ms !== undefined) timer = setTimeout(resolve, ms);
    });
    this.#wake = undefined;
    clearTimeout(timer);
  }
}

/** Until the event loop has polled its sockets once more. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

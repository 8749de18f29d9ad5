import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type EventuallyOptions, eventually } from "./eventually.ts";

/** How many there are of each kind of resource that keeps the process busy, and of listeners on it. */
export type ResourceCounts = ReadonlyMap<string, number>;

/** The resources a client can leak; requests to the file system and the like come and go by themselves. */
const KINDS = /^(TCP|TLS|Pipe|Timeout|GetAddrInfo|Process|UDP)/;

/** What there is now: sockets, timers and such, by kind, and the listeners on `process`. */
export function baseline(): ResourceCounts {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) {
    if (KINDS.test(kind)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  for (const event of process.eventNames()) {
    counts.set(`listeners for process ${String(event)}`, process.listenerCount(event));
  }
  return counts;
}

/**
 * Waits until there is no more of any kind than in `before`. Coarse: what was unref'd is not counted, and a timer of the
 * test runner that has ended meanwhile makes room for one that leaked. `watchResources` is exact.
 */
export async function expectBaseline(before: ResourceCounts, options?: EventuallyOptions): Promise<void> {
  await eventually(() => {
    const leaked = [...baseline()].filter(([kind, count]) => count > (before.get(kind) ?? 0));
    if (leaked.length === 0) return;
    const list = leaked.map(([kind, count]) => `${count} ${kind} rather than ${before.get(kind) ?? 0}`);
    throw new Error(`left over: ${list.join("; ")}`);
  }, options);
}

let collect: (() => void) | undefined;

/** Bytes in use on the heap once everything collectable is collected. */
export async function heapUsed(): Promise<number> {
  collect ??= collector();
  let used = Number.POSITIVE_INFINITY;
  // Finalizers and closed handles free more after a turn of the event loop.
  for (let round = 0; round < 10; round++) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
    const now = process.memoryUsage().heapUsed;
    if (round >= 3 && now > used - 1024) break;
    used = Math.min(used, now);
  }
  return used;
}

export interface HeapOptions {
  /** Cycles before the first measurement, for caches and compiled code. Default 20. */
  readonly warmup?: number | undefined;
  /** Default 100. */
  readonly cycles?: number | undefined;
  /** Growth allowed, in bytes. Default 256 KiB: a measurement wanders by tens of KiB. */
  readonly limit?: number | undefined;
}

/** Runs `cycle` over and over and throws if the heap has grown by more than the limit; gives the growth in bytes. */
export async function expectSteadyHeap(cycle: () => Promise<void>, options: HeapOptions = {}): Promise<number> {
  const { warmup = 20, cycles = 100, limit = 256 * 1024 } = options;
  for (let count = 0; count < warmup; count++) await cycle();
  const before = await heapUsed();
  for (let count = 0; count < cycles; count++) await cycle();
  const growth = (await heapUsed()) - before;
  if (growth > limit) throw new Error(`the heap grew by ${growth} bytes in ${cycles} cycles; ${limit} are allowed`);
  return growth;
}

/** Bytes on the heap after a collection, at once: for code that leaves nothing to be done later. */
export function heapNow(): number {
  collect ??= collector();
  collect();
  return process.memoryUsage().heapUsed;
}

function collector(): () => void {
  // The flag works at run time, but only a context made after it has the function.
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
}

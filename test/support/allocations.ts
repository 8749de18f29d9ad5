import { GCProfiler, setFlagsFromString } from "node:v8";

// The compiler may leave out objects that never leave a function, and does so in some runs and not in others: what is
// counted is what the code asks for. Nothing hot is compiled yet when a test file is loaded.
setFlagsFromString("--no-turbo-escape");

/** Bytes that `work` allocates on the heap, collected meanwhile or not. */
async function bytesAllocated(work: () => void | Promise<void>): Promise<number> {
  const profiler = new GCProfiler();
  profiler.start();
  const before = process.memoryUsage().heapUsed;
  await work();
  const after = process.memoryUsage().heapUsed;
  const freed = profiler
    .stop()
    .statistics.map(
      ({ beforeGC, afterGC }) => beforeGC.heapStatistics.usedHeapSize - afterGC.heapStatistics.usedHeapSize,
    );
  return freed.reduce((sum, bytes) => sum + bytes, after - before);
}

/**
 * Bytes for each of `count` things that one round of `work` does: the least of several rounds, after as many that are
 * not counted. What else the process does, and what the compiler makes, can only add to it.
 */
export async function bytesForEach(count: number, work: () => void | Promise<void>): Promise<number> {
  const rounds = [];
  for (let round = 0; round < 10; round += 1) {
    const bytes = await bytesAllocated(work);
    if (round >= 5) rounds.push(bytes / count);
  }
  return Math.min(...rounds);
}

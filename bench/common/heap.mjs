// The heap of this process, without what is only waiting to be collected.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

// The flag works at run time, but only a context made after it has the function.
setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc");

/** Bytes in use once everything collectable is collected. */
export async function heapUsed() {
  let used = Number.POSITIVE_INFINITY;
  // Finalizers and closed handles free more after a turn of the event loop.
  for (let round = 0; round < 10; round += 1) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
    const now = process.memoryUsage().heapUsed;
    if (round >= 3 && now > used - 1024) {
      break;
    }
    used = Math.min(used, now);
  }
  return used;
}

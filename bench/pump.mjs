// Writes a reel to a socket, again and again.

/** Microseconds from one burst to the next: each is read, by every client that is measured so, before the other comes. */
const pauseFor = (burst) => 40 + 4 * burst;

/**
 * @param {{ write: (bytes: Buffer, written: (error?: Error | null) => void) => void, closed: Promise<unknown> }} connection
 * @param {import("./frames.mjs").Reel} reel
 * @param {number} times
 * @param {number} burst 0: as fast as the socket takes it
 * @returns {Promise<void>} resolves when the last write is done
 */
export async function pump({ write, closed }, { slices, end }, times, burst = 0) {
  const lost = closed.then(() => {
    throw new Error("the connection was closed while frames were written");
  });
  lost.catch(() => {});
  // Each write waits for the one before, so that a reply can only be written between whole frames.
  const send = (bytes) =>
    new Promise((resolve, reject) => write(bytes, (error) => (error ? reject(error) : resolve())));
  let due = performance.now();
  for (let time = 0; time < times; time += 1) {
    for (const slice of slices) {
      if (burst > 0) {
        due = Math.max(due + pauseFor(burst) / 1000, performance.now());
        while (performance.now() < due) {
          await new Promise(setImmediate);
        }
      }
      await Promise.race([send(slice), lost]);
    }
  }
  await Promise.race([send(end), lost]);
}

/** Lets an error surface as an uncaught exception does: it has no owner here, and must not stop the work at hand. */
export function surface(error: unknown): void {
  process.nextTick(() => {
    throw error;
  });
}

// The other end of child.mjs, imported by every child.

/** What the parent passed on. */
export const config = JSON.parse(process.argv[2] ?? "{}");

/** Tells the parent. @param {{ type: string, [key: string]: unknown }} message */
export function tell(message) {
  if (process.connected) {
    process.send?.(message, () => {});
  }
}

/** Tells the parent that this child cannot go on. @param {unknown} error */
export function fail(error) {
  tell({ type: "failed", reason: error instanceof Error ? (error.stack ?? error.message) : String(error) });
}

/**
 * Calls back for the parent's messages of a type.
 * @param {string} type
 * @param {(message: any) => unknown} callback
 */
export function on(type, callback) {
  process.on("message", (message) => {
    if (message.type === type) {
      callback(message);
    }
  });
}

const end = (code) => process.exit(code);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => end(1));
}
process.on("disconnect", () => end(0));
process.on("uncaughtException", (error) => {
  fail(error);
  setTimeout(end, 100, 1);
});
setTimeout(() => {
  fail(`took longer than ${config.seconds} s`);
  setTimeout(end, 100, 1);
}, config.seconds * 1000);

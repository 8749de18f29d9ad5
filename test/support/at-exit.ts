const cleanups: (() => void)[] = [];

/** The signals that end a process, with the numbers that its exit code is made of. */
const FATAL = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

process.once("exit", () => {
  for (const cleanup of cleanups) cleanup();
});

// A signal ends a process without an "exit" event, and by a signal is how test runners end their workers.
for (const [signal, number] of Object.entries(FATAL)) process.once(signal, () => process.exit(128 + number));

/** Has `cleanup` run, synchronously, when this process ends in whatever way but SIGKILL. */
export function atExit(cleanup: () => void): void {
  cleanups.push(cleanup);
}

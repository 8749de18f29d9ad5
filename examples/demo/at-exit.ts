/** The last thing first: what was started in a directory ends before the directory goes. */
const tasks: (() => void)[] = [];

// However the process ends, there is time for nothing that takes a turn of the event loop.
process.on("exit", () => {
  for (const task of tasks.reverse()) task();
});

/** Has something done when this process ends. Call what it gives when that has become needless. */
export function atExit(task: () => void): () => void {
  tasks.push(task);
  return () => {
    const index = tasks.indexOf(task);
    if (index >= 0) tasks.splice(index, 1);
  };
}

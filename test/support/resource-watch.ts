import { createHook } from "node:async_hooks";
import { fileURLToPath } from "node:url";
import { type EventuallyOptions, eventually } from "./eventually.ts";

/** Kinds as async hooks call them. */
const KINDS = new Set([
  "Timeout",
  "Immediate",
  "TCPWRAP",
  "TCPSERVERWRAP",
  "PIPEWRAP",
  "TLSWRAP",
  "GETADDRINFOREQWRAP",
]);
/** Deep enough to see past the frames of `node:net` and `node:tls`. */
const STACK_DEPTH = 50;

/** Starts to watch the resources that code below `directory` (default: the library's own) creates. */
export function watchResources(directory = fileURLToPath(new URL("../../src/", import.meta.url))): ResourceWatch {
  return new ResourceWatch(directory);
}

/**
 * Follows each timer and socket from birth to end, with the place of its birth. Slower than `baseline`, but it sees what
 * was unref'd too, and only what the watched code made. What Node makes later on that code's behalf, such as the handle
 * of a server that listens after a lookup, it does not see.
 */
export class ResourceWatch implements Disposable {
  readonly #alive = new Map<number, { readonly line: string; readonly resource: WeakRef<object> }>();
  readonly #hook: { disable(): unknown };

  /** Use {@link watchResources}. */
  constructor(directory: string) {
    this.#hook = createHook({
      init: (id, kind, _trigger, resource) => {
        if (!KINDS.has(kind)) return;
        const limit = Error.stackTraceLimit;
        Error.stackTraceLimit = STACK_DEPTH;
        const line = new Error().stack?.split("\n").find((frame) => frame.includes(directory));
        Error.stackTraceLimit = limit;
        if (line !== undefined)
          this.#alive.set(id, { line: `${kind} ${line.trim()}`, resource: new WeakRef(resource) });
      },
      destroy: (id) => {
        this.#alive.delete(id);
      },
    }).enable();
  }

  /** What was created since and still lives: its kind, and where it was created. */
  get alive(): string[] {
    return [...this.#alive.values()].filter(({ resource }) => !isOver(resource.deref())).map(({ line }) => line);
  }

  /** Waits until nothing of it lives. */
  async expectNone(options?: EventuallyOptions): Promise<void> {
    await eventually(() => {
      if (this.alive.length > 0) throw new Error(`left over:\n${this.alive.join("\n")}`);
    }, options);
  }

  [Symbol.dispose](): void {
    this.#hook.disable();
  }
}

/** Whether a timer was cleared or has fired, or is not there any more: on a busy machine not every end is told to hooks. */
function isOver(resource: object | undefined): boolean {
  return resource === undefined || ("_destroyed" in resource && resource._destroyed === true);
}

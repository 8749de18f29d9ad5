import { AsyncResource } from "node:async_hooks";

const root = /* @__PURE__ */ new AsyncResource("tidings");

/**
 * Runs the work in the asynchronous context in which the library was loaded, which is that of no request: what it opens,
 * a socket or a timer, calls back there. A connection serves many users of `AsyncLocalStorage`, and is none of theirs.
 */
export function inRootContext<T>(work: () => T): T {
  return root.runInAsyncScope(work);
}

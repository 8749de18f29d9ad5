import { addAbortListener, getMaxListeners, setMaxListeners } from "node:events";

/** One signal may end a whole application: so many listeners are no leak. */
const MANY = 100_000;

/**
 * Calls the listener once, when the signal aborts (soon, if it has already); disposing takes it back. The object is made
 * here because Node's own carries the `Symbol.dispose` of the main context, which code in a vm context does not have.
 */
export function onAbort(signal: AbortSignal, listener: () => void): Disposable {
  raiseLimit(signal);
  addAbortListener(signal, listener);
  return { [Symbol.dispose]: () => signal.removeEventListener("abort", listener) };
}

/** `signal.throwIfAborted()`, which signals of other implementations may lack. */
export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw signal.reason;
}

function raiseLimit(signal: AbortSignal): void {
  try {
    if (getMaxListeners(signal) < MANY) setMaxListeners(MANY, signal);
  } catch {
    // A signal of another implementation (jsdom's, a polyfill's) has no limit to raise.
  }
}

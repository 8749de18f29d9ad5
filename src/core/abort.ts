import { addAbortListener, getMaxListeners, setMaxListeners } from "node:events";

/** One signal may end a whole application: so many listeners are no leak. */
const MANY = 100_000;

/** Calls the listener once, when the signal aborts (soon, if it has already); disposing takes it back. */
export function onAbort(signal: AbortSignal, listener: () => void): Disposable {
  if (getMaxListeners(signal) < MANY) setMaxListeners(MANY, signal);
  return addAbortListener(signal, listener);
}

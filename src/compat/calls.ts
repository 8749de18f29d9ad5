/** Takes the outcome of a call, Node's way. */
export type Callback<T> = (error: Error | null, result?: T) => void;

/** A callback at the end of a call's arguments, and what comes before it. */
export function splitCallback<T>(args: readonly unknown[]): { args: unknown[]; callback: Callback<T> | undefined } {
  const last = args.at(-1);
  if (typeof last === "function") return { args: args.slice(0, -1), callback: last as Callback<T> };
  // Libraries hand an optional callback on as it is.
  return { args: last === undefined ? args.slice(0, -1) : [...args], callback: undefined };
}

/**
 * Tells the outcome of a call: to the callback if there is one, else a failure to `failed` too, because libraries let go
 * of the promises of most calls. The promise never rejects unhandled.
 */
export function settle<T>(
  promise: Promise<T>,
  callback: Callback<T> | undefined,
  failed: (error: Error) => void,
): Promise<T> {
  if (callback === undefined) promise.catch(failed);
  else {
    // In a turn of its own, so that what a callback throws surfaces as itself.
    promise.then(
      (result) => process.nextTick(callback, null, result),
      (error) => process.nextTick(callback, error),
    );
  }
  return promise;
}

/** Lets an error surface as an uncaught exception, as what a listener of an emitter throws does. */
export function surface(error: unknown): void {
  process.nextTick(() => {
    throw error;
  });
}

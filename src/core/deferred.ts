/** A promise with its two ends in hand (`Promise.withResolvers`, which Node 20 lacks). */
export class Deferred<T> {
  readonly promise: Promise<T>;
  declare resolve: (value: T | PromiseLike<T>) => void;
  declare reject: (reason: unknown) => void;

  constructor() {
    this.promise = new Promise<T>((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }
}

/** Hands the promise of some work over before the work begins: what the work calls may ask for it already. */
export function begin<T>(keep: (promise: Promise<T>) => void, work: () => Promise<T>): Promise<T> {
  const { promise, resolve, reject } = new Deferred<T>();
  keep(promise);
  work().then(resolve, reject);
  return promise;
}

/** For a promise whose failure is reported elsewhere: its rejection is never reported as unhandled. */
export function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/** Whether a value is to be awaited. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

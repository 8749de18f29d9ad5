import { inspect } from "node:util";
import { expect } from "vitest";
import type { ClientEvents } from "../../../src/client/client.ts";
import type { Redis } from "../../../src/client/redis.ts";

/** Why a promise rejects; a promise that does not is a failure. */
export async function reasonOf(promise: Promise<unknown>): Promise<Error> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (reason: unknown) => reason,
  );
  expect(outcome, `it resolved, to ${inspect(outcome)}`).toBeInstanceOf(Error);
  return outcome as Error;
}

/** The names of a client's events from now on, in order. */
export function record(client: Redis<never, never, never> | Redis): (keyof ClientEvents)[] {
  const events: (keyof ClientEvents)[] = [];
  for (const name of ["error", "connect", "ready", "reconnecting", "close"] as const) {
    (client as Redis).on(name, () => events.push(name));
  }
  return events;
}

import { setTimeout as delay } from "node:timers/promises";
import { ConnectionError, TimeoutError } from "tidings";
import type { Ledger } from "./ledger.ts";

/** Publishes to one channel; gives how many subscribers the server found. */
export type Publish = (data: string) => Promise<number>;

/** How many commands wait for their replies at a time. More would only fill memory. */
const FLIGHT = 500;

/** Publishes numbered messages as fast as the server takes them, until told to stop. */
export async function publishAtFullSpeed(publish: Publish, ledger: Ledger, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) await Promise.all(Array.from({ length: FLIGHT }, () => publishNext(publish, ledger)));
}

/** 1,000 messages a second, whether or not the server answers. */
const BURST = 10;
const PACE = 10;
/** How many may wait for a server that does not. */
const MOST = 20_000;

/** Publishes numbered messages at a steady pace, until told to stop; resolves when none waits for its reply. */
export async function publishSteadily(publish: Publish, ledger: Ledger, stop: AbortSignal): Promise<void> {
  const failures: unknown[] = [];
  const flight = new Set<Promise<void>>();
  while (!stop.aborted && failures.length === 0) {
    for (let index = 0; index < BURST && flight.size < MOST; index++) {
      const one: Promise<void> = publishNext(publish, ledger)
        .catch((error) => void failures.push(error))
        .finally(() => flight.delete(one));
      flight.add(one);
    }
    await delay(PACE);
  }
  await Promise.all(flight);
  if (failures.length > 0) throw failures[0];
}

async function publishNext(publish: Publish, ledger: Ledger): Promise<void> {
  const sequence = ledger.publish();
  try {
    ledger.answered(sequence, await publish(String(sequence)));
  } catch (error) {
    // It is not known whether the server had it before it went; tidings never sends it twice.
    if (!(error instanceof ConnectionError || error instanceof TimeoutError)) throw error;
    ledger.unanswered(sequence);
  }
}

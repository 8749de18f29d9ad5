import type { Client } from "tidings";
import type { Ledger } from "./ledger.ts";

/** How many commands wait for their replies at a time. More would only fill memory. */
const FLIGHT = 500;

/** Publishes numbered messages as fast as the server takes them, until told to stop. */
export async function publishAtFullSpeed(
  client: Client,
  channel: string,
  ledger: Ledger,
  stop: AbortSignal,
): Promise<void> {
  const one = async (): Promise<void> => {
    const sequence = ledger.publish();
    ledger.answered(sequence, await client.publish(channel, String(sequence)));
  };
  while (!stop.aborted) await Promise.all(Array.from({ length: FLIGHT }, one));
}

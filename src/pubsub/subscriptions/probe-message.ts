import { randomUUID } from "node:crypto";
import type { Payload } from "../../resp/reply.ts";

const PREFIX = "tidings-probe-";
/** Bytes of a probe's message: the prefix and a UUID. */
const LENGTH = PREFIX.length + 36;

/** What a probe publishes: text that no other message has. */
export function probeMessage(): string {
  return `${PREFIX}${randomUUID()}`;
}

/** Whether a payload was published by a probe, of this client or of another. */
export function isProbe(payload: Payload): boolean {
  return payload.byteLength === LENGTH && payload.text().startsWith(PREFIX);
}

import type { Kind, Sink } from "./entry.ts";
import type { Interruption } from "./losses.ts";

/** A name that a call wants, and where its messages are to go. */
export interface SubscriptionRequest {
  readonly kind: Kind;
  readonly key: string;
  readonly name: string | Buffer;
  readonly sink: Sink;
  /** It was subscribed before, by other means: since when messages may be missed, and why. */
  readonly missed?: Interruption | undefined;
}

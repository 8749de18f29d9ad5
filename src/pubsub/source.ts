import type { Codec } from "../codec.ts";
import type { Connection, Patience } from "../connection/connection.ts";
import type { RetryPolicy } from "../core/backoff.ts";
import type { NameForm } from "../names.ts";

/** What a consumer needs of a client. Clients implement it. */
export interface SubscriberSource<Data = unknown> {
  /** What options of the consumer fall back to. */
  readonly defaults: {
    readonly codec: Codec<Data, never>;
    readonly names: NameForm;
    readonly connectTimeout: number;
    readonly retryPolicy: RetryPolicy;
  };
  /** A connection that may subscribe. */
  lease(patience: Patience, signal: AbortSignal): Promise<Connection>;
  /** Gives it back; resolves when it is kept or gone. */
  release(connection: Connection): Promise<void>;
  /** The client closes its consumers before itself. */
  adopt(consumer: { close(): Promise<void> }): void;
  disown(consumer: { close(): Promise<void> }): void;
}

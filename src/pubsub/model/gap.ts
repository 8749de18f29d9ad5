/**
 * Why messages may be missing. `disconnected`: the connection was lost. `moved`: the channel's slot went to another node.
 * `stale`: the node had stopped serving the channel and did not tell; an audit found it. `server-overflow`: the connection was cut while it was paused, or shortly after. `overflow`:
 * the consumer's own buffer was full. `drained`: a `drain` ran out of time.
 */
export type GapCause = "disconnected" | "moved" | "stale" | "server-overflow" | "overflow" | "drained";

/**
 * A window in which messages may have been missed, and the names it is about. `from` and `to` are epoch milliseconds of
 * the client's clock: the server took each message that the gap stands for between them. `from` is when the latest
 * command was sent whose answer was read before the loss; `to` is when the server confirmed the names again (`overflow`:
 * when the newest dropped message was read; `drained`: when the consumer closed).
 */
export interface Gap<Name = string> {
  readonly type: "gap";
  readonly cause: GapCause;
  readonly channels: readonly Name[];
  readonly patterns: readonly Name[];
  readonly from: number;
  readonly to: number;
  /** How many messages are missing, where that is known. */
  readonly dropped: number | null;
  /** Whether messages are known to be missing; else nothing may have been published meanwhile. */
  readonly certain: boolean;
}

import type { ServerError } from "../errors.ts";
import type { NameMap } from "./name-map.ts";

/**
 * A decoded RESP value. Simple strings are strings; bulk and verbatim strings are text or Buffers, as the receiver asks.
 * Integers beyond 2^53 and big numbers are bigints, doubles numbers. RESP3 maps and sets are `Map`
 * and `Set`; RESP2 sends both as arrays. Attributes are read and dropped. An error inside an aggregate is a value.
 */
export type Reply =
  | string
  | number
  | bigint
  | boolean
  | null
  | Buffer
  | ServerError
  | Reply[]
  | Map<Reply, Reply>
  | Set<Reply>;

/** A payload on its way from the wire; it is read inside the call that hands it over, or never. */
export interface Payload {
  readonly byteLength: number;
  /** The payload as UTF-8 text. */
  text(): string;
  /** A copy of the payload's bytes. */
  bytes(): Buffer;
}

/** A name on its way from the wire; it is read inside the call that hands it over, or never. */
export interface Name {
  /** The name as its key: a string with one char per byte. */
  key(): string;
  /** What the map holds for it. */
  in<V>(names: NameMap<V>): V | undefined;
}

/** The confirmations that come in large numbers. */
export type Confirmed = "subscribe" | "psubscribe" | "ssubscribe";

/** Where decoded frames go. */
export interface Receiver {
  message(channel: Name, payload: Payload): void;
  smessage(channel: Name, payload: Payload): void;
  pmessage(pattern: Name, channel: Name, payload: Payload): void;
  /** A subscription is confirmed; `name` is a key, `count` the server's. */
  confirmation(kind: Confirmed, name: string, count: number): void;
  /** Any other push: another confirmation, an invalidation, or a published message of an unusual shape. */
  push(items: Reply[]): void;
  reply(value: Reply): void;
  /** Whether the bulk strings of the reply that comes next are wanted as text. */
  readonly wantsText: boolean;
}

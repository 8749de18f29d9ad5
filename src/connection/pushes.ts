import type { NameMap } from "../resp/name-map.ts";
import type { Name, Payload, Reply } from "../resp/reply.ts";

/** The kinds of confirmation. */
export type ConfirmationKind =
  | "subscribe"
  | "unsubscribe"
  | "psubscribe"
  | "punsubscribe"
  | "ssubscribe"
  | "sunsubscribe";

/** Takes what a connection receives without a command. Keys are names with one char per byte. */
export interface PushReceiver {
  message(channel: Name, payload: Payload): void;
  smessage(channel: Name, payload: Payload): void;
  pmessage(pattern: Name, channel: Name, payload: Payload): void;
  /** `key` is `null` in the answer to an unsubscribe from nothing; `count` is the server's. */
  confirmation(kind: ConfirmationKind, key: string | null, count: number): void;
}

/** For a connection without subscriptions. */
export const noPushes: PushReceiver = Object.freeze({
  message() {},
  smessage() {},
  pmessage() {},
  confirmation() {},
});

/** Hands over a push that the general decoder read; false if it is no Pub/Sub push. */
export function pushTo(receiver: PushReceiver, items: readonly Reply[]): boolean {
  const [first, second, third, fourth] = items;
  const kind = Buffer.isBuffer(first) ? first.toString("latin1") : first;
  switch (kind) {
    case "message":
    case "smessage":
      if (!Buffer.isBuffer(second) || !Buffer.isBuffer(third)) return false;
      receiver[kind](new Received(second), new Received(third));
      return true;
    case "pmessage":
      if (!Buffer.isBuffer(second) || !Buffer.isBuffer(third) || !Buffer.isBuffer(fourth)) return false;
      receiver.pmessage(new Received(second), new Received(third), new Received(fourth));
      return true;
    case "subscribe":
    case "unsubscribe":
    case "psubscribe":
    case "punsubscribe":
    case "ssubscribe":
    case "sunsubscribe":
      if (!(Buffer.isBuffer(second) || second === null) || typeof third !== "number") return false;
      receiver.confirmation(kind, second === null ? null : second.toString("latin1"), third);
      return true;
    default:
      return false;
  }
}

/** A name or a payload that has already left the window. */
class Received implements Name, Payload {
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get byteLength(): number {
    return this.#bytes.length;
  }

  text(): string {
    return this.#bytes.toString();
  }

  bytes(): Buffer {
    return this.#bytes;
  }

  key(): string {
    return this.#bytes.toString("latin1");
  }

  in<V>(names: NameMap<V>): V | undefined {
    return names.get(this.key());
  }
}

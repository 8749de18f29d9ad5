import { ServerError } from "../../../src/errors.ts";
import { Decoder } from "../../../src/resp/decoder.ts";
import { type Limits, limits as usualLimits } from "../../../src/resp/limits.ts";
import type { Name, Payload, Receiver, Reply } from "../../../src/resp/reply.ts";

/** A published message, whichever decoder read it. Names are keys: one char per byte. */
export interface Published {
  readonly kind: "message" | "smessage" | "pmessage";
  readonly pattern: string | null;
  readonly channel: string;
  readonly text: string;
  readonly bytes: Buffer;
  /** Read by the hand-written decoder of published messages, or by the one that knows all of RESP. */
  readonly path: "hot" | "general";
}

export interface RecorderOptions {
  readonly wantsText?: boolean;
  /** RESP2: arrays may be published messages. */
  readonly arrays?: boolean;
  readonly limits?: Partial<Limits>;
}

/** Writes down all that a decoder hands over: by kind, and as one line each in `trace`, in order. */
export class Recorder implements Receiver {
  readonly wantsText: boolean;
  readonly replies: Reply[] = [];
  readonly pushes: Reply[][] = [];
  readonly published: Published[] = [];
  readonly trace: string[] = [];
  /** Confirmations that the hand-written decoder has read. */
  confirmed = 0;
  readonly decoder: Decoder;
  readonly #arrays: boolean;

  constructor({ wantsText = true, arrays = false, limits = {} }: RecorderOptions = {}) {
    this.wantsText = wantsText && !arrays;
    this.#arrays = arrays;
    this.decoder = new Decoder(this, { ...usualLimits, ...limits });
    if (arrays) this.decoder.expectArraysOfMessages();
  }

  /** Feeds bytes in pieces of these sizes by turns; without sizes, in one. */
  feed(bytes: Uint8Array, sizes: readonly number[] = [Number.POSITIVE_INFINITY]): this {
    for (let at = 0, turn = 0; at < bytes.length; turn++) {
      const size = sizes[turn % sizes.length] ?? bytes.length;
      this.decoder.write(bytes.subarray(at, at + size));
      at += size;
    }
    return this;
  }

  message(channel: Name, payload: Payload): void {
    this.#publish("message", null, channel.key(), payload);
  }

  smessage(channel: Name, payload: Payload): void {
    this.#publish("smessage", null, channel.key(), payload);
  }

  pmessage(pattern: Name, channel: Name, payload: Payload): void {
    this.#publish("pmessage", pattern.key(), channel.key(), payload);
  }

  confirmation(kind: string, name: string, count: number): void {
    const items = [Buffer.from(kind), Buffer.from(name, "latin1"), count];
    this.confirmed++;
    if (this.#arrays) this.reply(items);
    else this.push(items);
  }

  push(items: Reply[]): void {
    const published = publishedOf(items);
    if (published !== null) this.#keep(published);
    else {
      this.pushes.push(items);
      this.trace.push(`push ${shown(items)}`);
    }
  }

  reply(value: Reply): void {
    const published = this.#arrays && Array.isArray(value) ? publishedOf(value) : null;
    if (published !== null) this.#keep(published);
    else {
      this.replies.push(value);
      this.trace.push(`reply ${shown(value)}`);
    }
  }

  #publish(kind: Published["kind"], pattern: string | null, channel: string, payload: Payload): void {
    const text = payload.text();
    const bytes = payload.bytes();
    if (payload.byteLength !== bytes.length) throw new Error(`${payload.byteLength} is not ${bytes.length}`);
    this.#keep({ kind, pattern, channel, text, bytes, path: "hot" });
  }

  #keep(published: Published): void {
    this.published.push(published);
    const { kind, pattern, channel, text, bytes } = published;
    this.trace.push(publishedLine(kind, pattern, channel, bytes, text));
  }
}

/** What `trace` says of a published message. */
export function publishedLine(
  kind: string,
  pattern: string | null,
  channel: string,
  bytes: Buffer,
  text: string,
): string {
  return `${kind} ${JSON.stringify([pattern, channel, bytes.toString("latin1"), text])}`;
}

function publishedOf([first, ...rest]: readonly Reply[]): Published | null {
  const kind = Buffer.isBuffer(first) ? first.toString("latin1") : first;
  if (kind !== "message" && kind !== "smessage" && kind !== "pmessage") return null;
  const pattern = kind === "pmessage" ? rest.shift() : null;
  const [channel, bytes] = rest;
  if (pattern !== null && !Buffer.isBuffer(pattern)) return null;
  if (!Buffer.isBuffer(channel) || !Buffer.isBuffer(bytes)) return null;
  return {
    kind,
    pattern: pattern === null ? null : pattern.toString("latin1"),
    channel: channel.toString("latin1"),
    text: bytes.toString(),
    bytes,
    path: "general",
  };
}

/** A value on one line: text and Buffers, numbers and bigints, 0 and -0 look different. */
function shown(value: Reply): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return `${value}n`;
  if (Object.is(value, -0)) return "-0";
  if (typeof value !== "object" || value === null) return String(value);
  if (Buffer.isBuffer(value)) return `<${JSON.stringify(value.toString("latin1"))}>`;
  if (value instanceof ServerError) return `error(${JSON.stringify(value.message)})`;
  if (Array.isArray(value)) return `[${value.map(shown).join(", ")}]`;
  if (value instanceof Set) return `set(${[...value].map(shown).join(", ")})`;
  return `map(${[...value].map(([key, item]) => `${shown(key)} => ${shown(item)}`).join(", ")})`;
}

/** The replies in this text of one char per byte. */
export function replies(text: string, options: RecorderOptions = {}): Reply[] {
  return new Recorder(options).feed(Buffer.from(text, "latin1")).replies;
}

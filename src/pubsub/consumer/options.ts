import { types } from "node:util";
import type { Codec } from "../../codec.ts";
import { exponentialBackoff, type RetryPolicy } from "../../core/backoff.ts";
import {
  boolean,
  type Check,
  callable,
  check,
  checkOptions,
  integer,
  isIterable,
  milliseconds,
  millisecondsOrInfinity,
  oneOf,
  signal,
} from "../../core/checks.ts";
import { ArgumentError } from "../../errors.ts";
import { isName, type NameForm, type NameInput } from "../../names.ts";
import type { BacklogLimits, Overflow } from "../delivery/backlog.ts";
import type { ChannelMessage, PatternMessage } from "../model/message.ts";
import type { Handlers } from "../model/types.ts";

/** The text or Buffer that names are shown as. */
export type NameIn<Form extends NameForm> = Form extends "bytes" ? Buffer : string;

/** Options of a consumer. */
export interface PubSubOptions<
  Data = string,
  Form extends NameForm = "utf8",
  Ignore extends boolean = boolean,
  Gaps extends boolean = boolean,
> {
  /** Channels to subscribe at once: a name, or any iterable of names. Default: none. */
  readonly channels?: NameInput | Iterable<NameInput> | undefined;
  /** Patterns to subscribe at once. Default: none. */
  readonly patterns?: NameInput | Iterable<NameInput> | undefined;
  /** Channels with handlers to subscribe at once. Default: none. */
  readonly channelHandlers?: Handlers<ChannelMessage<NoInfer<Data>, NameIn<NoInfer<Form>>>> | undefined;
  /** Patterns with handlers to subscribe at once. Default: none. */
  readonly patternHandlers?: Handlers<PatternMessage<NoInfer<Data>, NameIn<NoInfer<Form>>>> | undefined;
  /** Leaves confirmations out of what is read. Default false. */
  readonly ignoreSubscribeMessages?: Ignore | undefined;
  /** Yields gaps in the stream, before any message that came after them. The `gap` event tells them either way. Default false. */
  readonly includeGaps?: Gaps | undefined;
  /**
   * Milliseconds that `open`, `subscribe` and their like wait for a ready connection; `Infinity`: as long as `retryPolicy` goes
   * on. Default: the client's, 10,000.
   */
  readonly readyTimeout?: number | undefined;
  /** Milliseconds of silence on a ready connection before a `subscribe` is a `TimeoutError`. Default 1000. */
  readonly subscriptionTimeout?: number | undefined;
  /** Milliseconds an `unsubscribe` waits for its confirmations; a late one is no error. Default 100. */
  readonly unsubscriptionTimeout?: number | undefined;
  /** Milliseconds of silence after which a PING is sent. Default 15,000. */
  readonly maxIdle?: number | undefined;
  /** Milliseconds without any byte after which an awaited answer means a dead link. Default 5000. */
  readonly pingTimeout?: number | undefined;
  /** When to reconnect. Default: the client's. */
  readonly retryPolicy?: RetryPolicy | undefined;
  /** What `data` is. Default: the client's. */
  readonly codec?: Codec<Data, never> | undefined;
  /** How names are shown: text, or Buffers. Default: the client's. */
  readonly names?: Form | undefined;
  /**
   * Shares one connection (one per node for shard channels) with all consumers of the client that say so. Each has its own
   * names, codec, handlers, gaps and buffer, whose `overflow` is `"drop-oldest"` unless it says otherwise; `"pause"` is
   * refused, for a slow consumer must not delay the others. The options of the connection are the client's, so those of
   * this consumer are refused too: `readyTimeout`, `retryPolicy`, `maxIdle`, `pingTimeout`, `audit`, `probe`, `readFromReplicas`. Default
   * false.
   */
  readonly shared?: boolean | undefined;
  /**
   * How much may be held unread, and what becomes of the rest. Default: 65,536 messages, 64 MiB, `"pause"` (shared:
   * `"drop-oldest"`).
   */
  readonly buffer?: BufferOptions | undefined;
  /**
   * Asks the servers every `interval` milliseconds whether they still serve every name, by subscribing again; what one has
   * dropped in silence is subscribed anew, with a gap. The names are sent and confirmed once per interval. Default false.
   */
  readonly audit?: false | AuditOptions | undefined;
  /**
   * Publishes to itself every `interval` milliseconds, and takes a connection for dead on which that does not arrive, in
   * time, twice: PING cannot tell that a node has lost the others. A message and a subscription more. Default false.
   */
  readonly probe?: false | ProbeOptions | undefined;
  /** Aborting closes the consumer, or rejects an `open()` that is pending. Default: none. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Of a cluster's consumer: subscribes at replicas, at primaries only where no replica can be used. Default: the client's. A
   * consumer of a single server refuses it.
   */
  readonly readFromReplicas?: boolean | undefined;
}

/** How much a consumer holds: messages that are unread, and those that wait behind async handlers. */
export interface BufferOptions {
  /** Messages. Default 65,536. */
  readonly limit?: number | undefined;
  /** Bytes of their payloads. Default 64 MiB. */
  readonly limitBytes?: number | undefined;
  /**
   * When it is full. `"pause"` (default): the network is not read until half of it is free; TCP holds the server back, which
   * cuts the connection at its own limit (`client-output-buffer-limit pubsub`); the gap says `server-overflow`.
   * `"drop-oldest"`, `"drop-newest"`: with a gap that counts them. `"error"`: the consumer fails with `PubSubError`.
   */
  readonly overflow?: Overflow | undefined;
}

/** How often subscriptions are asserted again. */
export interface AuditOptions {
  /** Milliseconds. */
  readonly interval: number;
}

/** How often a consumer publishes to itself. */
export interface ProbeOptions {
  /** Milliseconds. */
  readonly interval: number;
  /**
   * The channel that it subscribes to and publishes to; no other client should. On a sharded consumer the beginning of its
   * names: a hash tag follows, so that each node is asked.
   */
  readonly channel: string;
}

/** Options of a {@link ClusterPubSub}. */
export type ClusterPubSubOptions<
  Data = string,
  Form extends NameForm = "utf8",
  Ignore extends boolean = boolean,
  Gaps extends boolean = boolean,
> = PubSubOptions<Data, Form, Ignore, Gaps>;

/** Options of a {@link ShardedPubSub}. */
export type ShardedPubSubOptions<
  Data = string,
  Form extends NameForm = "utf8",
  Ignore extends boolean = boolean,
  Gaps extends boolean = boolean,
> = Omit<PubSubOptions<Data, Form, Ignore, Gaps>, "patterns" | "patternHandlers">;

/** Options of any consumer: what handlers take is not known here. */
export interface AnyPubSubOptions
  extends Omit<PubSubOptions<unknown, NameForm>, "channelHandlers" | "patternHandlers"> {
  readonly channelHandlers?: Handlers<never> | undefined;
  readonly patternHandlers?: Handlers<never> | undefined;
}

const names: Check = check("a name or an iterable of names", (value) => isName(value) || isIterable(value));
const handlers: Check = check(
  "an object, a Map or an iterable of [name, handler]",
  (value) => typeof value === "object" && value !== null && !types.isUint8Array(value),
);

const isCodec: Check = check(
  "a codec with decode and encode",
  (value) =>
    typeof value === "object" &&
    value !== null &&
    typeof Reflect.get(value, "decode") === "function" &&
    typeof Reflect.get(value, "encode") === "function",
);

export const codec: Check = (value, name) => {
  const isSchema = (typeof value === "object" || typeof value === "function") && value !== null && "~standard" in value;
  if (isSchema) throw new ArgumentError(`"${name}" is a schema. Wrap it: codec: json(schema).`);
  if (value === JSON) throw new ArgumentError(`"${name}" must be a codec: use json().`);
  isCodec(value, name);
};

export const nameForm: Check = oneOf("utf8", "bytes");

// A hash tag of its own would keep it from the slots that it is to prove.
const probeChannel: Check = check(
  "the name of a channel, without braces",
  (value) => typeof value === "string" && /^[^{}]+$/.test(value),
);

const known: Readonly<Record<Exclude<keyof PubSubOptions, "readFromReplicas">, Check>> = {
  channels: names,
  patterns: names,
  channelHandlers: handlers,
  patternHandlers: handlers,
  ignoreSubscribeMessages: boolean,
  includeGaps: boolean,
  readyTimeout: millisecondsOrInfinity,
  subscriptionTimeout: milliseconds,
  unsubscriptionTimeout: milliseconds,
  maxIdle: milliseconds,
  pingTimeout: milliseconds,
  retryPolicy: callable,
  codec,
  names: nameForm,
  shared: boolean,
  buffer: (value) =>
    checkOptions("buffer", value, {
      limit: integer(1, 2 ** 31 - 1),
      limitBytes: integer(1, Number.MAX_SAFE_INTEGER),
      overflow: oneOf("pause", "drop-oldest", "drop-newest", "error"),
    }),
  audit: (value) =>
    value === false || checkOptions("audit", value, { interval: milliseconds }, { required: ["interval"] }),
  probe: (value) =>
    value === false ||
    checkOptions(
      "probe",
      value,
      { interval: milliseconds, channel: probeChannel },
      { required: ["interval", "channel"] },
    ),
  signal,
};

/** A single server's consumers. */
export const noReplicas: Check = (value) => {
  if (value === undefined || value === false) return;
  throw new ArgumentError(
    "readFromReplicas is for consumers of a RedisCluster: of a single server no replica is known. Give the replica's own URL.",
  );
};

const noPatterns: Check = () => {
  throw new ArgumentError(
    "Shard channels know no patterns: the server matches none to them. Use pubsub() for patterns.",
  );
};

/** The options of each class. */
export const checks: Readonly<Record<"PubSub" | "ClusterPubSub" | "ShardedPubSub", Readonly<Record<string, Check>>>> = {
  PubSub: { ...known, readFromReplicas: noReplicas },
  ClusterPubSub: { ...known, readFromReplicas: boolean },
  ShardedPubSub: { ...known, readFromReplicas: boolean, patterns: noPatterns, patternHandlers: noPatterns },
};

/** Options of the connection, which is not a shared consumer's own. */
const ofTheConnection = [
  "readyTimeout",
  "retryPolicy",
  "maxIdle",
  "pingTimeout",
  "audit",
  "probe",
  "readFromReplicas",
] as const;

function checkShared(options: AnyPubSubOptions): void {
  if (options.shared !== true) return;
  for (const name of ofTheConnection) {
    if (options[name] !== undefined && options[name] !== false) {
      throw new ArgumentError(
        `"${name}" is of the connection, which is shared. Set it on the client, or leave "shared" out.`,
      );
    }
  }
  if (options.buffer?.overflow === "pause") {
    throw new ArgumentError(
      'A shared consumer cannot pause: the others would wait. Use "drop-oldest", "drop-newest" or "error".',
    );
  }
}

/** The options of a consumer; refuses what is none. */
export function checkedOptions(
  owner: string,
  options: unknown,
  known: Readonly<Record<string, Check>>,
): AnyPubSubOptions {
  checkOptions(owner, options, known);
  checkShared((options as AnyPubSubOptions | undefined) ?? {});
  return (options as AnyPubSubOptions | undefined) ?? {};
}

/** The defaults of a consumer; times in milliseconds. */
export const defaults: Readonly<
  Record<"subscriptionTimeout" | "unsubscriptionTimeout" | "maxIdle" | "pingTimeout", number>
> & { readonly buffer: BacklogLimits } = Object.freeze({
  buffer: Object.freeze({ limit: 65_536, limitBytes: 64 * 1024 * 1024, overflow: "pause" }),
  subscriptionTimeout: 1000,
  unsubscriptionTimeout: 100,
  maxIdle: 15_000,
  pingTimeout: 5000,
});

/** The policy of clients that name none. */
export const defaultRetryPolicy: () => RetryPolicy = () => exponentialBackoff();

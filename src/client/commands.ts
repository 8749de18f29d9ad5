import { types } from "node:util";
import type { Codec } from "../codec.ts";
import { describe } from "../core/checks.ts";
import { ArgumentError, ProtocolError } from "../errors.ts";
import { isName, latin1, type NameForm, type NameInput, nameMap, nameOf, textMap } from "../names.ts";
import type { Argument } from "../resp/encoder.ts";
import type { Reply } from "../resp/reply.ts";

const BLOCKS = "It would hold up every other call on the connection: use a connection of another client for it";
const TRANSACTS = "Other calls share the connection and would fall into the transaction: use EVAL, or another client";

const refused: Readonly<Record<string, string>> = {
  SUBSCRIBE: "Use subscribe() of a consumer",
  PSUBSCRIBE: "Use psubscribe() of a consumer",
  SSUBSCRIBE: "Use subscribe() of a sharded consumer",
  UNSUBSCRIBE: "Use unsubscribe() of a consumer",
  PUNSUBSCRIBE: "Use punsubscribe() of a consumer",
  SUNSUBSCRIBE: "Use unsubscribe() of a sharded consumer",
  MONITOR: "It would turn the connection into a stream that belongs to no command",
  RESET: "It would log the connection out",
  QUIT: "Use close()",
  HELLO: 'Use the options "protocol", "username", "password" and "clientName"',
  AUTH: 'Use the options "username" and "password", or "credentials" where they change',
  SELECT: 'Use the option "db": the connection is shared, and a new one would not know it',
  MULTI: TRANSACTS,
  EXEC: TRANSACTS,
  DISCARD: TRANSACTS,
  WATCH: TRANSACTS,
  UNWATCH: TRANSACTS,
  READONLY: 'Use "readFromReplicas" of a RedisCluster',
  ASKING: "RedisCluster follows redirects by itself",
  SYNC: "It would turn the connection into a replica's",
  PSYNC: "It would turn the connection into a replica's",
  SHUTDOWN: "It has no answer: use redis-cli",
};

/** Commands that wait for something to happen. */
const blocking: ReadonlySet<string> = new Set([
  "BLPOP",
  "BRPOP",
  "BLMOVE",
  "BRPOPLPUSH",
  "BLMPOP",
  "BZPOPMIN",
  "BZPOPMAX",
  "BZMPOP",
  "WAIT",
  "WAITAOF",
]);

/** Subcommands of CLIENT that change or hold up the shared connection. */
const refusedOfClient: Readonly<Record<string, string>> = {
  REPLY: "It would leave commands without their replies",
  TRACKING: "Invalidations would come to no call",
  CACHING: "It belongs to CLIENT TRACKING, which is refused",
  PAUSE: "It would hold up this connection with all others: use redis-cli",
};

/** The arguments of a command that may run on the shared connection. */
export function checkCommand(command: unknown, args: readonly unknown[]): readonly Argument[] {
  if (typeof command !== "string" || command.trim() === "") {
    throw new ArgumentError(`A command is a string that is not empty, not ${describe(command)}.`);
  }
  const words = command.toUpperCase().trim();
  const reason = blocking.has(words) ? BLOCKS : Object.hasOwn(refused, words) ? refused[words] : undefined;
  if (reason !== undefined) throw new ArgumentError(`call() refuses ${words}. ${reason}.`);
  if (/\s/.test(words)) throw new ArgumentError("Pass each word of a command as an argument of its own.");
  const subcommand = words === "CLIENT" ? wordOf(args[0]) : "";
  if (Object.hasOwn(refusedOfClient, subcommand)) {
    throw new ArgumentError(`call() refuses CLIENT ${subcommand}. ${refusedOfClient[subcommand]}.`);
  }
  if ((words === "XREAD" || words === "XREADGROUP") && args.some((arg) => wordOf(arg) === "BLOCK")) {
    throw new ArgumentError(`call() refuses ${words} with BLOCK. ${BLOCKS}.`);
  }
  for (const arg of args) {
    const fits = typeof arg === "string" || typeof arg === "number" || types.isUint8Array(arg);
    if (!fits) throw new ArgumentError(`An argument is a string, a number or a Uint8Array, not ${describe(arg)}.`);
  }
  return [words, ...(args as Argument[])];
}

const wordOf = (arg: unknown): string => (types.isUint8Array(arg) ? latin1(arg) : String(arg)).trim().toUpperCase();

/** What `publish` sends: bytes as they are, all else through the codec. */
export function payloadOf(codec: Codec<unknown, unknown>, data: unknown): string | Uint8Array {
  if (types.isUint8Array(data)) return data;
  let payload: unknown;
  try {
    payload = codec.encode(data);
  } catch (error) {
    throw new ArgumentError("The codec cannot encode what was published. See the cause.", { cause: error });
  }
  if (typeof payload === "string" || types.isUint8Array(payload)) return payload;
  throw new ArgumentError(`A codec encodes to a string or a Uint8Array, not ${describe(payload)}.`);
}

export function requireName(what: string, name: unknown): asserts name is NameInput {
  if (!isName(name)) {
    throw new ArgumentError(`A ${what} is a string or a Uint8Array, not ${describe(name)}.`);
  }
}

/** Lists of names, read as Buffers, as one list without repetitions. */
export function readNameList(replies: readonly Reply[], form: NameForm): (string | Buffer)[] {
  const keys = new Set<string>();
  for (const reply of replies) {
    if (!Array.isArray(reply)) throw unexpected();
    for (const name of reply) keys.add(keyOf(name));
  }
  return Array.from(keys, (key) => nameOf(key, form));
}

/** Lists of names and numbers by turns, added up, as a map in the order asked. */
export function readCounts(
  replies: readonly Reply[],
  asked: readonly NameInput[],
  form: NameForm,
): ReadonlyMap<string | Buffer, number> {
  const counts = new Map(asked.map((name) => [latin1(name), 0]));
  for (const reply of replies) {
    if (!Array.isArray(reply)) throw unexpected();
    // A name that was asked for twice is answered twice.
    const there = new Map<string, number>();
    for (let i = 0; i + 1 < reply.length; i += 2) there.set(keyOf(reply[i]), Number(reply[i + 1]));
    for (const [key, count] of there) counts.set(key, (counts.get(key) ?? 0) + count);
  }
  // Where all is text, equal strings are equal bytes and a plain Map will do.
  if (form === "bytes" || asked.some((name) => typeof name !== "string")) return nameMap(counts, form);
  return textMap(Array.from(counts, ([key, count]) => [nameOf(key, "utf8") as string, count]));
}

function keyOf(name: Reply | undefined): string {
  if (!Buffer.isBuffer(name)) throw unexpected();
  return name.toString("latin1");
}

function unexpected(): ProtocolError {
  return new ProtocolError("PUBSUB was answered with a reply of an unexpected kind.");
}

/** The same reply with Buffers for all its strings: simple strings are text until here. */
export function withBuffers(reply: Reply): Reply {
  if (typeof reply === "string") return Buffer.from(reply);
  if (Array.isArray(reply)) return reply.map(withBuffers);
  if (reply instanceof Set) return new Set(Array.from(reply, withBuffers));
  if (reply instanceof Map) {
    return new Map(Array.from(reply, ([key, value]): [Reply, Reply] => [withBuffers(key), withBuffers(value)]));
  }
  return reply;
}

import { ArgumentError, type Reply } from "tidings";
import { bufferOf } from "./arrived.ts";
import type { AnyClient } from "./group.ts";

/** An argument of a command as the client takes it. */
export type Argument = string | number | Buffer;

/** The arguments of a command as other clients take them: lists in lists, maps, numbers. */
export function argumentsOf(args: readonly unknown[]): Argument[] {
  return args.flatMap((arg): Argument[] => {
    if (typeof arg === "string" || typeof arg === "number") return [arg];
    if (arg instanceof Uint8Array) return [bufferOf(arg)];
    if (Array.isArray(arg)) return argumentsOf(arg);
    if (arg instanceof Map) return argumentsOf([...arg]);
    if (typeof arg === "boolean" || typeof arg === "bigint") return [String(arg)];
    if (arg instanceof Date) return [String(arg.getTime())];
    if (typeof arg === "object" && arg !== null) return argumentsOf(Object.entries(arg));
    throw new ArgumentError(`A command takes strings, numbers and Buffers, not ${arg === null ? "null" : typeof arg}.`);
  });
}

/** Runs a command; the questions about subscribers are asked of all nodes of a cluster. Replies in the shapes of RESP2. */
export async function run(client: AnyClient, name: string, args: readonly Argument[], asText: boolean): Promise<Reply> {
  const command = name.toUpperCase();
  if (command === "PUBSUB") return pubsub(client, String(args[0]).toUpperCase(), args.slice(1));
  const reply = await (asText ? client.call(command, ...args) : client.callBuffer(command, ...args));
  return flat(reply);
}

async function pubsub(client: AnyClient, question: string, args: readonly Argument[]): Promise<Reply> {
  const names = args.map((arg) => (typeof arg === "number" ? String(arg) : arg));
  if (question === "NUMSUB") return countsOf(names, await client.pubsubNumsub(...names));
  if (question === "SHARDNUMSUB") return countsOf(names, await client.pubsubShardnumsub(...names));
  if (question === "CHANNELS") return textsOf(await client.pubsubChannels(...names.slice(0, 1)));
  if (question === "SHARDCHANNELS") return textsOf(await client.pubsubShardchannels(...names.slice(0, 1)));
  if (question === "NUMPAT") return client.pubsubNumpat();
  return client.call("PUBSUB", question, ...args);
}

function countsOf(names: readonly (string | Buffer)[], counts: ReadonlyMap<unknown, number>): Reply {
  return names.flatMap((name) => [name.toString(), counts.get(name) ?? 0]);
}

function textsOf(names: readonly (string | Buffer)[]): string[] {
  return names.map((name) => name.toString());
}

/** A reply as RESP2 has it: maps and sets are lists, true and false are 1 and 0. */
function flat(reply: Reply): Reply {
  if (reply instanceof Map) return [...reply].flat().map(flat);
  if (reply instanceof Set) return [...reply].map(flat);
  if (Array.isArray(reply)) return reply.map(flat);
  return typeof reply === "boolean" ? Number(reply) : reply;
}

/** The fields and values of a hash as an object. */
export function fieldsOf(reply: Reply): Record<string, Reply> {
  const list = reply as Reply[];
  const fields: Record<string, Reply> = Object.create(null);
  for (let index = 0; index + 1 < list.length; index += 2) fields[String(list[index])] = list[index + 1] ?? null;
  return { ...fields };
}

/** What a method that a face has not throws. */
export function unsupported(face: string, method: string, way: string): () => never {
  return () => {
    throw new ArgumentError(`${face} has no ${method}(). ${way}`);
  };
}

/** Adds methods to a class that are made of lists of names. */
export function addMethods(
  prototype: object,
  names: readonly string[],
  make: (name: string) => (...args: never[]) => unknown,
): void {
  for (const name of names) {
    if (name in prototype) continue;
    Object.defineProperty(prototype, name, { value: make(name), writable: true, configurable: true });
  }
}

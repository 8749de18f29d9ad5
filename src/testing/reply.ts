/**
 * A reply before it is written. Texts are bytes, one a character (latin1). A string is a bulk string; `null` is the null of
 * the protocol; `undefined` in place of a reply means that the command has written its own.
 */
export type Reply =
  | string
  | number
  | bigint
  | null
  | readonly Reply[]
  | { readonly simple: string }
  | { readonly error: string }
  | { readonly verbatim: string }
  | { readonly map: readonly (readonly [string, Reply])[] }
  | { readonly push: readonly Reply[] };

export type Protocol = 2 | 3;

export const OK: Reply = { simple: "OK" };

export function failed(error: string): Reply {
  return { error };
}

/** The bytes of a reply, as a latin1 string. */
export function encode(reply: Reply, protocol: Protocol): string {
  if (typeof reply === "string") return `$${reply.length}\r\n${reply}\r\n`;
  if (typeof reply === "number" || typeof reply === "bigint") return `:${reply}\r\n`;
  if (reply === null) return protocol === 3 ? "_\r\n" : "$-1\r\n";
  if (isList(reply)) return encodeAll("*", reply, protocol);
  if ("simple" in reply) return `+${reply.simple}\r\n`;
  if ("error" in reply) return `-${reply.error.replace(/[\r\n]/g, " ")}\r\n`;
  if ("verbatim" in reply) {
    if (protocol === 2) return encode(reply.verbatim, protocol);
    return `=${reply.verbatim.length + 4}\r\ntxt:${reply.verbatim}\r\n`;
  }
  if ("push" in reply) return encodeAll(protocol === 3 ? ">" : "*", reply.push, protocol);
  const items = reply.map.flat();
  if (protocol === 2) return encodeAll("*", items, protocol);
  return `%${reply.map.length}\r\n${items.map((item) => encode(item, protocol)).join("")}`;
}

function encodeAll(type: string, items: readonly Reply[], protocol: Protocol): string {
  return `${type}${items.length}\r\n${items.map((item) => encode(item, protocol)).join("")}`;
}

function isList(reply: Reply): reply is readonly Reply[] {
  return Array.isArray(reply);
}

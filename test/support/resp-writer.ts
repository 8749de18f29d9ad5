/** One word of a command. */
export type Word = string | number | Uint8Array;

/** A command as the server expects it: an array of bulk strings. */
export function command(words: Iterable<Word>): Buffer {
  return array([...words].map((word) => bulk(typeof word === "number" ? String(word) : word)));
}

/** `+text` */
export function simple(line: string): Buffer {
  return Buffer.from(`+${line}\r\n`);
}

/** `-text`; the first word is the code. */
export function error(line: string): Buffer {
  return Buffer.from(`-${line}\r\n`);
}

/** `:number` */
export function integer(value: number): Buffer {
  return Buffer.from(`:${value}\r\n`);
}

/** A bulk string; `null` is the RESP2 null. */
export function bulk(value: string | Uint8Array | null): Buffer {
  if (value === null) return Buffer.from("$-1\r\n");
  const bytes = typeof value === "string" ? Buffer.from(value) : value;
  return Buffer.concat([Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from("\r\n")]);
}

/** The RESP3 null. */
export function nothing(): Buffer {
  return Buffer.from("_\r\n");
}

/** `*n` with its items, each a frame already. */
export function array(items: readonly Uint8Array[]): Buffer {
  return Buffer.concat([Buffer.from(`*${items.length}\r\n`), ...items]);
}

/** `>n` with its items, each a frame already. RESP3 only. */
export function push(items: readonly Uint8Array[]): Buffer {
  return Buffer.concat([Buffer.from(`>${items.length}\r\n`), ...items]);
}

/** `%n` with its entries, keys and values frames already. RESP3 only. */
export function map(entries: readonly (readonly [Uint8Array, Uint8Array])[]): Buffer {
  return Buffer.concat([Buffer.from(`%${entries.length}\r\n`), ...entries.flat()]);
}

import fc from "fast-check";
import { printable } from "../../src/printable.ts";
import { publishedLine } from "../unit/resp/recorder.ts";

/** A reply as it is sent, with attributes before values and pushes between them. */
export type Tree =
  | { readonly type: "line"; readonly frame: string; readonly shown: string }
  | { readonly type: "bulk"; readonly bytes: Buffer }
  | { readonly type: "blob error" | "verbatim"; readonly text: string }
  | { readonly type: "array" | "set" | "push"; readonly items: readonly Tree[] }
  | { readonly type: "map"; readonly entries: readonly (readonly [Tree, Tree])[] }
  | { readonly type: "attributed"; readonly entries: readonly (readonly [Tree, Tree])[]; readonly value: Tree }
  | { readonly type: "interrupted"; readonly push: readonly Tree[]; readonly value: Tree };

/** What a published message carries. */
export interface Publication {
  readonly kind: "message" | "smessage" | "pmessage";
  readonly pattern: Buffer;
  readonly channel: Buffer;
  readonly payload: Buffer;
}

const line = (frame: string, shown: string): Tree => ({ type: "line", frame, shown });
const json = (text: string): string => JSON.stringify(text);

/** Bytes with a meaning in the protocol are likely. */
const byte = fc.oneof(fc.constantFrom(...Buffer.from("\r\n$*>:+-|%~=!0123")), fc.nat(255));

/** Any bytes: text, text that is not ASCII, frames, noise; up to this length. */
export function binary(maxLength: number): fc.Arbitrary<Buffer> {
  const unit = fc.oneof(
    fc.array(byte, { minLength: 1, maxLength: 8 }).map((bytes) => Buffer.from(bytes)),
    fc.string({ minLength: 1, maxLength: 8 }).map((text) => Buffer.from(text)),
    fc.string({ unit: "binary", minLength: 1, maxLength: 8 }).map((text) => Buffer.from(text)),
  );
  return fc.oneof(
    { weight: 3, arbitrary: unit.map((bytes) => bytes.subarray(0, maxLength)) },
    fc.tuple(fc.nat(maxLength), unit).map(([length, fill]) => Buffer.alloc(length, fill)),
    fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes)),
  );
}

const word = fc.string({ unit: "grapheme" }).filter((text) => !/[\r\n]/.test(text));
const wide = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const safe = BigInt(Number.MAX_SAFE_INTEGER);

const leaf: fc.Arbitrary<Tree> = fc.oneof(
  word.map((text) => line(`+${text}`, json(text))),
  word.map((text) => line(`-ERR ${text}`, `error(${json(printable(`ERR ${text}`))})`)),
  fc.integer().map((value) => line(`:${value}`, String(value))),
  wide.map((value) => line(`:${value}`, value > safe || value < -safe ? `${value}n` : String(value))),
  fc.bigInt().map((value) => line(`(${value}`, `${value}n`)),
  fc.double({ noDefaultInfinity: true, noNaN: true }).map((value) => {
    return line(`,${Object.is(value, -0) ? "-0" : value}`, Object.is(value, -0) ? "-0" : String(value));
  }),
  fc.constantFrom(
    line(",inf", "Infinity"),
    line(",-inf", "-Infinity"),
    line(",nan", "NaN"),
    line("#t", "true"),
    line("#f", "false"),
    line("_", "null"),
    line("$-1", "null"),
    line("*-1", "null"),
  ),
  binary(300).map((bytes): Tree => ({ type: "bulk", bytes })),
  fc.string({ unit: "grapheme" }).map((text): Tree => ({ type: "blob error", text: `ERR ${text}` })),
  fc.string({ unit: "grapheme" }).map((text): Tree => ({ type: "verbatim", text })),
);

/** Replies of any shape, a few levels deep. */
export const tree: fc.Arbitrary<Tree> = fc.letrec<{ tree: Tree; branch: Tree }>((tie) => {
  const some = fc.array(tie("tree"), { maxLength: 4 });
  // A Map holds a key once: scalars as keys would have to differ, so each entry's key is an array of its own.
  const key = some.map((items): Tree => ({ type: "array", items }));
  const entries = fc.array(fc.tuple(key, tie("tree")), { maxLength: 3 });
  return {
    tree: fc.oneof({ maxDepth: 4, withCrossShrink: true }, leaf, tie("branch")),
    branch: fc.oneof(
      some.map((items): Tree => ({ type: "array", items })),
      // A Set, too: its items are arrays.
      fc.array(key, { maxLength: 3 }).map((items): Tree => ({ type: "set", items })),
      entries.map((pairs): Tree => ({ type: "map", entries: pairs })),
      fc.record({ type: fc.constant("attributed" as const), entries, value: tie("tree") }),
      fc.record({ type: fc.constant("interrupted" as const), push: some, value: tie("tree") }),
    ),
  };
}).tree;

/** A push of no kind that publishes. */
export const push: fc.Arbitrary<Tree> = fc
  .array(tree, { minLength: 1, maxLength: 4 })
  .map((items) => ({ type: "push", items: [line("+invalidate", json("invalidate")), ...items] }));

export function publication(longestPayload: number): fc.Arbitrary<Publication> {
  return fc.record({
    kind: fc.constantFrom("message", "smessage", "pmessage"),
    pattern: binary(100),
    channel: binary(100),
    payload: binary(longestPayload),
  });
}

/** How a stream is cut into pieces: sizes, used by turns. */
export const sizes: fc.Arbitrary<number[]> = fc.array(
  fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 1, max: 40 }) }, fc.integer({ min: 1, max: 3000 })),
  { minLength: 1, maxLength: 12 },
);

const counted = (type: string, count: number, items: readonly Buffer[]): Buffer =>
  Buffer.concat([Buffer.from(`${type}${count}\r\n`), ...items]);
const framed = (type: string, body: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`${type}${body.length}\r\n`), body, Buffer.from("\r\n")]);
const flat = (entries: readonly (readonly [Tree, Tree])[]): Buffer[] => entries.flat().map(encode);

/** The bytes of a reply. */
export function encode(value: Tree): Buffer {
  switch (value.type) {
    case "line":
      return Buffer.from(`${value.frame}\r\n`);
    case "bulk":
      return framed("$", value.bytes);
    case "blob error":
      return framed("!", Buffer.from(value.text));
    case "verbatim":
      return framed("=", Buffer.from(`txt:${value.text}`));
    case "array":
      return counted("*", value.items.length, value.items.map(encode));
    case "set":
      return counted("~", value.items.length, value.items.map(encode));
    case "push":
      return counted(">", value.items.length, value.items.map(encode));
    case "map":
      return counted("%", value.entries.length, flat(value.entries));
    case "attributed":
      return Buffer.concat([counted("|", value.entries.length, flat(value.entries)), encode(value.value)]);
    case "interrupted":
      return Buffer.concat([counted(">", value.push.length, value.push.map(encode)), encode(value.value)]);
  }
}

/** The value on one line, as the recorder writes it; pushes on the way are added to `aside` as they end. */
function show(value: Tree, text: boolean, aside: string[]): string {
  const all = (items: readonly Tree[], asText = text) => items.map((item) => show(item, asText, aside));
  switch (value.type) {
    case "line":
      return value.shown;
    case "bulk":
      return text ? json(value.bytes.toString()) : `<${json(value.bytes.toString("latin1"))}>`;
    case "blob error":
      return `error(${json(printable(value.text))})`;
    case "verbatim":
      return text ? json(value.text) : `<${json(Buffer.from(value.text).toString("latin1"))}>`;
    case "array":
      return `[${all(value.items).join(", ")}]`;
    case "push":
      return `[${all(value.items, false).join(", ")}]`;
    case "set":
      return `set(${all(value.items).join(", ")})`;
    case "map":
      return `map(${value.entries.map((entry) => all(entry).join(" => ")).join(", ")})`;
    case "attributed":
      all(value.entries.flat());
      return show(value.value, text, aside);
    case "interrupted": {
      const items = all(value.push, false);
      if (items.length > 0) aside.push(`push [${items.join(", ")}]`);
      return show(value.value, text, aside);
    }
  }
}

/** The lines that the recorder writes for a reply or push of its own. */
export function trace(value: Tree, text: boolean): string[] {
  const lines: string[] = [];
  const shown = show(value, text, lines);
  return [...lines, `${value.type === "push" ? "push" : "reply"} ${shown}`];
}

/** A published message's frame. With `padded` lengths it is the general decoder's. */
export function encodePublication(publication: Publication, first: ">" | "*", padded = false): Buffer {
  const { kind, pattern, channel, payload } = publication;
  const items = [Buffer.from(kind), ...(kind === "pmessage" ? [pattern] : []), channel, payload];
  return counted(
    padded ? `${first}0` : first,
    items.length,
    items.map((item) => framed("$", item)),
  );
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** The line that the recorder writes for a published message. */
export function tracePublication({ kind, pattern, channel, payload }: Publication): string {
  const key = (name: Buffer) => name.toString("latin1");
  return publishedLine(kind, kind === "pmessage" ? key(pattern) : null, key(channel), payload, utf8.decode(payload));
}

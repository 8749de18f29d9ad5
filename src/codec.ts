import type { StandardSchemaV1 } from "@standard-schema/spec";
import { ArgumentError } from "./errors.ts";

/** Decides what `data` is, and what `publish` takes. Both functions are synchronous and may throw. */
export interface Codec<out Out, in In = Out> {
  /** Turns a payload into `data`. The Buffer is the codec's to keep. A throw becomes a `CodecError`, never uncaught. */
  decode(payload: Buffer): Out;
  /** Turns what `publish` was given into a payload. */
  encode(value: In): string | Uint8Array;
}

/** A codec that starts from text spares the copy into a Buffer: the wire already has the text at hand. */
export const decodeText: unique symbol = Symbol("tidings.decodeText");

/** A {@link Codec} that can also decode from the payload's UTF-8 text. */
export interface TextCodec<out Out, in In = Out> extends Codec<Out, In> {
  [decodeText](text: string): Out;
}

/** A payload that has just come: read inside the call that hands it over, or never. */
interface ArrivedPayload {
  /** The payload as UTF-8 text. */
  text(): string;
  /** A copy of the payload's bytes. */
  bytes(): Buffer;
}

/**
 * A codec that takes the payload as it lies on the wire, with the key of its channel where a pattern matched it. For
 * consumers whose messages all go to synchronous handlers: what it returns may be gone after them. A registered symbol,
 * because the faces of `tidings/compat` stand on the public module alone.
 */
export const decodeArrived: unique symbol = Symbol.for("tidings.decodeArrived");

/** A {@link Codec} that reads the payload where it lies. */
export interface ArrivedCodec<out Out> extends Codec<Out, never> {
  [decodeArrived](payload: ArrivedPayload, channel: string | null): Out;
}

/** Text. Bytes that are not UTF-8 become U+FFFD. The default. */
export const utf8: Codec<string> = Object.freeze<TextCodec<string>>({
  decode: (payload) => payload.toString(),
  encode: (value) => requireString(value),
  [decodeText]: (text) => text,
});

/** Bytes, as they came: a Buffer that holds no more than 4 KiB beyond its own size. */
export const bytes: Codec<Buffer, string | Uint8Array> = Object.freeze<Codec<Buffer, string | Uint8Array>>({
  decode: (payload) => payload,
  encode: (value) => value,
});

/**
 * JSON, checked by any synchronous Standard Schema validator (zod, valibot, arktype, …) when one is given; `data` is
 * then what the schema puts out. A payload that is no JSON or that the schema refuses is a `CodecError`.
 */
export function json<T = unknown>(): Codec<T>;
export function json<S extends StandardSchemaV1>(
  schema: S,
): Codec<StandardSchemaV1.InferOutput<S>, StandardSchemaV1.InferInput<S>>;
export function json(schema?: StandardSchemaV1): Codec<unknown> {
  if (schema !== undefined && typeof schema?.["~standard"]?.validate !== "function") {
    throw new ArgumentError("json() takes a Standard Schema validator (zod, valibot, arktype, …), or nothing.");
  }
  const read = (text: string): unknown => {
    const value = parse(text);
    return schema === undefined ? value : validate(schema, value);
  };
  const codec: TextCodec<unknown> = {
    decode: (payload) => read(payload.toString()),
    encode: (value) => stringify(value),
    [decodeText]: read,
  };
  return codec;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message quotes the payload.
    throw new SyntaxError("The payload is not JSON.");
  }
}

function stringify(value: unknown): string {
  const text = JSON.stringify(value);
  if (text === undefined) throw new TypeError("A value without a JSON form (undefined, a function) was published.");
  return text;
}

function validate(schema: StandardSchemaV1, value: unknown): unknown {
  const result = schema["~standard"].validate(value);
  if ("then" in result) {
    // Its result is not used; a rejection must not surface.
    void Promise.resolve(result).catch(() => {});
    throw new TypeError("The schema validates asynchronously; a codec needs a synchronous one.");
  }
  if (result.issues === undefined) return result.value;
  const issues = result.issues.map(({ message, path }) => {
    const where = path?.map((part) => (typeof part === "object" ? part.key : part).toString()).join(".");
    return where ? `${where}: ${message}` : message;
  });
  throw new TypeError(`The payload does not fit the schema: ${issues.join("; ")}`);
}

function requireString(value: unknown): string {
  if (typeof value !== "string")
    throw new TypeError("The utf8 codec publishes strings; pass a string or a Uint8Array.");
  return value;
}

import { type ArrivedCodec, type Codec, decodeArrived, decodeText, type TextCodec } from "../../codec.ts";
import { handled, isThenable } from "../../core/deferred.ts";
import { diagnostics } from "../../diagnostics.ts";
import { CodecError } from "../../errors.ts";
import { type NameForm, nameOf } from "../../names.ts";
import type { Payload } from "../../resp/reply.ts";
import { SharedPayload } from "../model/shared-payload.ts";
import type { Entry } from "../subscriptions/entry.ts";
import type { AnyPublished } from "./handler.ts";
import type { Reports } from "./reports.ts";
import type { Tally } from "./stats.ts";

/** Who is told of messages and of payloads that are refused. */
interface Told {
  /** The consumer, as diagnostics name it. */
  readonly consumer: object;
  readonly tally: Tally;
  readonly reports: Reports;
}

/** Makes messages of payloads, by a codec. */
export class Decoding {
  readonly #codec: Codec<unknown, never>;
  readonly #fromText: ((text: string) => unknown) | null;
  readonly #arrived: ArrivedCodec<unknown> | null;
  readonly #names: NameForm;
  readonly #told: Told;
  readonly #tally: Tally;

  constructor(codec: Codec<unknown, never>, names: NameForm, told: Told) {
    this.#codec = codec;
    this.#fromText = decodeText in codec ? (codec as TextCodec<unknown, never>)[decodeText] : null;
    this.#arrived = decodeArrived in codec ? (codec as ArrivedCodec<unknown>) : null;
    this.#names = names;
    this.#told = told;
    this.#tally = told.tally;
  }

  /** The message of a payload; `channel` where a pattern matched it. `null`: the codec refuses the payload, which is told. */
  message(entry: Entry, payload: Payload, channel: string | null): AnyPublished | null {
    const tally = this.#tally;
    tally.received++;
    tally.bytes += payload.byteLength;
    if (diagnostics.message.hasSubscribers) this.#diagnose(entry, payload, channel);
    let data: unknown;
    try {
      data = payload instanceof SharedPayload ? this.#decodeOnce(payload) : this.#decode(payload, channel);
    } catch (error) {
      this.#refuse(entry, payload, channel, error);
      return null;
    }
    return channel === null
      ? { type: "message", pattern: null, channel: entry.name, data }
      : { type: "pmessage", pattern: entry.name, channel: nameOf(channel, this.#names), data };
  }

  #decode(payload: Payload, channel: string | null): unknown {
    if (this.#fromText !== null) return this.#fromText(payload.text());
    if (this.#arrived !== null) return this.#arrived[decodeArrived](payload, channel);
    return synchronous(this.#codec.decode(payload.bytes()));
  }

  #decodeOnce(payload: SharedPayload): unknown {
    if (payload.readBy(this.#codec)) return payload.data;
    const data = this.#decode(payload, null);
    payload.keep(this.#codec, data);
    return data;
  }

  #diagnose(entry: Entry, { byteLength }: Payload, channel: string | null): void {
    const [name, pattern] = channel === null ? [entry.name, null] : [nameOf(channel, this.#names), entry.name];
    diagnostics.message.publish({ consumer: this.#told.consumer, channel: name, pattern, bytes: byteLength });
  }

  /** A publisher must not be able to stop its subscribers: told to those who listen, and never thrown. */
  #refuse(entry: Entry, payload: Payload, channel: string | null, cause: unknown): void {
    const { consumer, reports } = this.#told;
    this.#tally.refused++;
    const name = channel === null ? entry.name : nameOf(channel, this.#names);
    if (diagnostics.refused.hasSubscribers) {
      diagnostics.refused.publish({ consumer, channel: name, bytes: payload.byteLength });
    }
    const told = reports.tell(() => new CodecError(name, payload.bytes(), cause));
    if (told || diagnostics.refused.hasSubscribers) return;
    reports.warn(
      "TIDINGS_REFUSED",
      `The codec refuses messages of ${JSON.stringify(name.toString())}. Listen to "error" of the consumer or of the client to see why. stats().refused counts them.`,
    );
  }
}

/** A promise that rejects unheard would let a publisher end the process. */
function synchronous(data: unknown): unknown {
  if (!isThenable(data)) return data;
  void handled(Promise.resolve(data));
  throw new TypeError("The codec decodes asynchronously; it must be synchronous.");
}

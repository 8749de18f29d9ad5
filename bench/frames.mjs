// The recorded stream: a reel of message frames that is played over and over, and what must arrive of it.

import { channelsOf, messagesOf, sharesOf } from "./traffic.mjs";

/** The last character of the message that ends a phase; no other payload has it. */
export const MARKER = 4;

const MARKER_PAYLOAD = "the end\u0004";
/** The same where payloads are JSON: the `id` is the marker. */
const MARKER_JSON = '{"id":-1,"text":""}';
const REEL_BYTES = 2 * 1024 * 1024;
const MOST_MESSAGES = 2000;
const FEWEST_MESSAGES = 64;
/** More than the caches hold, as in life. */
const REAL_MESSAGES = 20_000;
const SLICE_BYTES = 256 * 1024;

/**
 * @typedef {object} Reel
 * @property {Buffer[]} slices whole frames: bursts, or writes of at most 256 KiB
 * @property {Buffer} end the frame that ends a phase
 * @property {number} messages frames in the reel
 * @property {number} bytes bytes of the reel
 * @property {number} length sum of the payloads' lengths, as the subscriber sees them
 * @property {number} touched sum of the payloads' last characters or bytes
 */

/**
 * The frames a subscriber receives.
 * @param {import("./scenarios.mjs").Scenario} scenario
 * @returns {Reel}
 */
export function receivedReel(scenario) {
  const kind = scenario.protocol === 3 ? ">" : "*";
  const head = scenario.pattern !== null ? ["pmessage", scenario.pattern] : [scenario.sharded ? "smessage" : "message"];
  return makeReel(scenario, (channel, payload) => frame(kind, [...head, channel, payload]));
}

/**
 * What a phase comes to where many consumers share a connection: a message counts for each that wants its channel.
 * @param {import("./scenarios.mjs").Scenario} scenario
 * @returns {Pick<Reel, "messages" | "length" | "touched">}
 */
export function sharedSums(scenario) {
  const wanted = new Map();
  for (const name of sharesOf(scenario).flat()) {
    wanted.set(name, (wanted.get(name) ?? 0) + 1);
  }
  const sums = { messages: 0, length: 0, touched: 0 };
  for (const [channel, text] of messagesOf(scenario, REAL_MESSAGES)) {
    const times = wanted.get(channel) ?? 0;
    const { length, last } = seenOf(text, scenario.data);
    sums.messages += times;
    sums.length += times * length;
    sums.touched += times * last;
  }
  return sums;
}

/**
 * The same messages as the commands that publish them.
 * @param {import("./scenarios.mjs").Scenario} scenario
 * @returns {Reel}
 */
export function publishedReel(scenario) {
  return makeReel(scenario, (channel, payload) => command("PUBLISH", channel, payload));
}

/**
 * A command as a client writes it.
 * @param {...(string | Buffer)} parts
 */
export function command(...parts) {
  return frame("*", parts);
}

function makeReel(scenario, makeFrame) {
  const { channels, payload, traffic } = scenario;
  const fitting = Math.floor(REEL_BYTES / payload.size);
  const count = traffic
    ? REAL_MESSAGES
    : Math.max(channels, Math.min(MOST_MESSAGES, Math.max(FEWEST_MESSAGES, fitting)));
  const messages = messagesOf(scenario, count);
  const frames = messages.map(([channel, text]) => makeFrame(channel, Buffer.from(text)));
  const seen = messages.map(([, text]) => seenOf(text, scenario.data));
  return {
    slices: joinFrames(frames, scenario.burst),
    end: makeFrame(channelsOf(scenario)[0], Buffer.from(scenario.data === "json" ? MARKER_JSON : MARKER_PAYLOAD)),
    messages: count,
    bytes: frames.reduce((sum, { length }) => sum + length, 0),
    length: seen.reduce((sum, { length }) => sum + length, 0),
    touched: seen.reduce((sum, { last }) => sum + last, 0),
  };
}

/** What the work of a subscriber comes to (tally.mjs). */
function seenOf(text, data) {
  if (data === "json") {
    const { text: inner, id } = JSON.parse(text);
    return { length: inner.length, last: id };
  }
  const seen = data === "bytes" ? Buffer.from(text) : text;
  return { length: seen.length, last: data === "bytes" ? seen[seen.length - 1] : text.charCodeAt(text.length - 1) };
}

/** In writes of so many frames; 0: of as many as fit. */
function joinFrames(frames, burst) {
  const slices = [];
  let open = [];
  let bytes = 0;
  for (const next of frames) {
    if (open.length > 0 && (open.length === burst || bytes + next.length > SLICE_BYTES)) {
      slices.push(Buffer.concat(open));
      open = [];
      bytes = 0;
    }
    open.push(next);
    bytes += next.length;
  }
  slices.push(Buffer.concat(open));
  return slices;
}

function frame(kind, parts) {
  const pieces = [Buffer.from(`${kind}${parts.length}\r\n`)];
  for (const part of parts) {
    const bytes = Buffer.from(part);
    pieces.push(Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from("\r\n"));
  }
  return Buffer.concat(pieces);
}

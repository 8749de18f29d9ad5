// The recorded stream: a reel of message frames that is played over and over, and what must arrive of it.

/** The last character of the message that ends a phase; no other payload has it. */
export const MARKER = 4;

const MARKER_PAYLOAD = Buffer.from("the end\u0004");
const REEL_BYTES = 2 * 1024 * 1024;
const MOST_MESSAGES = 2000;
const FEWEST_MESSAGES = 64;
const SLICE_BYTES = 256 * 1024;

const ASCII = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 {}:,.";
const UTF8 = [...`${ASCII}éßøñščžабвгдежзилмнопрстабвгдежзилмнопрст東京大阪速報天気予報🚀🎉`];

/**
 * @typedef {object} Reel
 * @property {Buffer[]} slices whole frames, in writes of at most 256 KiB
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

/** The channels of a scenario. @param {import("./scenarios.mjs").Scenario} scenario */
export function channelsOf(scenario) {
  return scenario.channels === 1 ? ["news"] : Array.from({ length: scenario.channels }, (_, index) => `news.${index}`);
}

/**
 * Payloads of exactly `size` bytes, all different.
 * @param {import("./scenarios.mjs").Scenario} scenario
 * @param {number} count
 */
export function makePayloads({ payload: { size, text } }, count) {
  const random = randomNumbers(size);
  return Array.from({ length: count }, () => makePayload(size, text === "utf8" ? UTF8 : ASCII, random));
}

function makePayload(size, alphabet, random) {
  const parts = [];
  let left = size;
  while (left > 0) {
    let next = alphabet[random(alphabet.length)];
    if (Buffer.byteLength(next) > left) {
      next = "x";
    }
    left -= Buffer.byteLength(next);
    parts.push(next);
  }
  return parts.join("");
}

function makeReel(scenario, makeFrame) {
  const channels = channelsOf(scenario);
  const fitting = Math.floor(REEL_BYTES / scenario.payload.size);
  const messages = Math.max(channels.length, Math.min(MOST_MESSAGES, Math.max(FEWEST_MESSAGES, fitting)));
  const random = randomNumbers(1);
  const order = shuffled(
    Array.from({ length: messages }, (_, index) => channels[index % channels.length]),
    random,
  );
  const payloads = makePayloads(scenario, messages);
  const frames = payloads.map((payload, index) => makeFrame(order[index], Buffer.from(payload)));
  const seen = scenario.data === "bytes" ? payloads.map((payload) => Buffer.from(payload)) : payloads;
  return {
    slices: joinFrames(frames),
    end: makeFrame(channels[0], MARKER_PAYLOAD),
    messages,
    bytes: frames.reduce((sum, { length }) => sum + length, 0),
    length: seen.reduce((sum, { length }) => sum + length, 0),
    touched: seen.reduce((sum, data) => sum + lastOf(data), 0),
  };
}

function lastOf(data) {
  return typeof data === "string" ? data.charCodeAt(data.length - 1) : data[data.length - 1];
}

function joinFrames(frames) {
  const slices = [];
  let open = [];
  let bytes = 0;
  for (const next of frames) {
    if (bytes + next.length > SLICE_BYTES && open.length > 0) {
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

function shuffled(items, random) {
  for (let index = items.length - 1; index > 0; index -= 1) {
    const other = random(index + 1);
    [items[index], items[other]] = [items[other], items[index]];
  }
  return items;
}

// The same numbers in every process and at every run (xorshift).
function randomNumbers(seed) {
  let state = seed * 2654435761 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

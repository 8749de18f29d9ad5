// npm run bench:stages: where the nanoseconds of a message go inside the process, in one run. The same frames go through
// the decoder again and again, each time with a receiver that does a little more; what a line adds is what that costs.
// No socket: `npm run bench` measures the whole. Also: bytes allocated by each.

import { GCProfiler } from "node:v8";
import { Decoder } from "../src/resp/decoder.ts";
import { NameMap } from "../src/resp/name-map.ts";
import type { Name, Payload, Receiver } from "../src/resp/reply.ts";

const CHUNK = 64 * 1024;
const ROUNDS = 15;
const MESSAGES = 1_000_000;

interface Stream {
  readonly name: string;
  readonly channels: readonly string[];
  /** Sent by turns. */
  readonly payloads: readonly Buffer[];
}

const many = (count: number): string[] => Array.from({ length: count }, (_, i) => `user:${(i * 7919) % count}:news`);
/** As in real traffic (traffic.mjs): 80 to 1,500 bytes, more small than large, and one in four not all ASCII. */
const mixed = Array.from({ length: 4999 }, (_, i) => {
  const size = 80 + Math.floor(1420 * (((i * 7919) % 4999) / 4999) ** 3);
  return Buffer.alloc(size, i % 4 === 0 ? "plain words around a naïve one, and 東京; " : "plain words; ");
});
const streams: readonly Stream[] = [
  { name: "80 to 1,500 B, a quarter not all ASCII, 5,000 channels", channels: many(5000), payloads: mixed },
  { name: "64 B of ASCII, one channel", channels: ["user:1:news"], payloads: [Buffer.alloc(64, "x")] },
  { name: "64 B of ASCII, 10,000 channels", channels: many(10_000), payloads: [Buffer.alloc(64, "x")] },
  { name: "64 B of UTF-8, one channel", channels: ["user:1:news"], payloads: [Buffer.from("я".repeat(32))] },
  { name: "1 KiB of ASCII, one channel", channels: ["user:1:news"], payloads: [Buffer.alloc(1024, "x")] },
];

interface Entry {
  readonly name: string;
  readonly handler: (message: object) => void;
}

/** What the stages touch; an integer, which needs no memory of its own. */
let touched = 0;
/** The last message: kept, so that the compiler cannot do without it. */
let last: object | null = null;
const handler = (message: object): void => {
  last = message;
};

type Stage = readonly [what: string, message: (channel: Name, payload: Payload) => void];

function stagesFor({ channels }: Stream): Stage[] {
  const byName = new NameMap<Entry>();
  const byText = new Map<string, Entry>();
  for (const name of channels) {
    byName.set(name, { name, handler });
    byText.set(name, { name, handler });
  }
  return [
    ["the frame: kind, lengths, ends", () => {}],
    [
      "+ the subscription, by the bytes of the name",
      (channel) => {
        touched = (touched + (channel.in(byName) as Entry).name.length) | 0;
      },
    ],
    [
      "+ the payload's text",
      (channel, payload) => {
        touched = (touched + (channel.in(byName) as Entry).name.length + payload.text().length) | 0;
      },
    ],
    [
      "+ the message, to its handler",
      (channel, payload) => {
        const entry = channel.in(byName);
        entry?.handler({ type: "message", pattern: null, channel: entry.name, data: payload.text() });
      },
    ],
    [
      "(the same, the name made into text and looked up in a Map)",
      (channel, payload) => {
        const entry = byText.get(channel.key());
        entry?.handler({ type: "message", pattern: null, channel: entry.name, data: payload.text() });
      },
    ],
    [
      "(the same, the payload as a Buffer)",
      (channel, payload) => {
        const entry = channel.in(byName);
        entry?.handler({ type: "message", pattern: null, channel: entry.name, data: payload.bytes() });
      },
    ],
  ];
}

function decoderFor(message: Stage[1]): Decoder {
  const nothing = (): void => {};
  const receiver: Receiver = {
    wantsText: false,
    message,
    smessage: nothing,
    pmessage: nothing,
    confirmation: nothing,
    push: nothing,
    reply: nothing,
  };
  return new Decoder(receiver);
}

function allocatedBy(work: () => void): number {
  const profiler = new GCProfiler();
  profiler.start();
  const before = process.memoryUsage().heapUsed;
  work();
  const grown = process.memoryUsage().heapUsed - before;
  const freed = profiler
    .stop()
    .statistics.map((gc) => gc.beforeGC.heapStatistics.usedHeapSize - gc.afterGC.heapStatistics.usedHeapSize);
  return freed.reduce((sum, bytes) => sum + bytes, grown);
}

for (const stream of streams) {
  const frames = stream.channels.map((name, i) => {
    const payload = stream.payloads[i % stream.payloads.length] as Buffer;
    const head = `>3\r\n$7\r\nmessage\r\n$${name.length}\r\n${name}\r\n$${payload.length}\r\n`;
    return Buffer.concat([Buffer.from(head), payload, Buffer.from("\r\n")]);
  });
  const times = Math.ceil((2 * CHUNK) / (frames.length * (frames[0]?.length ?? 1)));
  const reel = Buffer.concat(new Array(times).fill(frames).flat());
  const messages = times * frames.length;
  const passes = Math.ceil(MESSAGES / messages);
  const stages = stagesFor(stream);
  const decoders = stages.map(([, message]) => decoderFor(message));
  const runs = decoders.map((decoder) => () => {
    for (let pass = 0; pass < passes; pass++) {
      for (let at = 0; at < reel.length; at += CHUNK) decoder.write(reel.subarray(at, at + CHUNK));
    }
  });
  const best = stages.map(() => Number.POSITIVE_INFINITY);
  const allocated = stages.map(() => Number.POSITIVE_INFINITY);
  // The stages take turns, so that a slow moment of the machine falls on all of them.
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, run] of runs.entries()) {
      const from = process.cpuUsage();
      const bytes = allocatedBy(run) / (passes * messages);
      const { user, system } = process.cpuUsage(from);
      best[i] = Math.min(best[i] as number, ((user + system) * 1000) / (passes * messages));
      allocated[i] = Math.min(allocated[i] as number, bytes);
    }
  }
  console.log(`\n## ${stream.name}\n\n| what is done | ns | bytes allocated |\n| --- | --: | --: |`);
  for (const [i, [what]] of stages.entries()) {
    console.log(`| ${what} | ${best[i]?.toFixed(0)} | ${allocated[i]?.toFixed(0)} |`);
  }
}
if (touched === 0 || last === null) throw new Error("Nothing was measured.");

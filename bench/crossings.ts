// npm run bench:stages, second part: which way to a text is the cheapest at which length, in nanoseconds. The thresholds of
// src/resp/text.ts and utf8.ts stand where these lines cross.

import { isAscii } from "node:buffer";
import { endOfAscii } from "../src/resp/text.ts";
import { decodeUtf8 } from "../src/resp/utf8.ts";

const LENGTHS = [16, 64, 256, 512, 1024, 1280, 2048, 4096];
const ROUNDS = 9;
const BYTES = 4 * 1024 * 1024;
const SIZE = 64 * 1024;

type Way = (buffer: Buffer, view: DataView, from: number, to: number) => unknown;

const examined: Record<string, Way> = {
  "by hand": endOfAscii,
  native: (buffer, _view, from, to) => isAscii(buffer.subarray(from, to)),
};
const decoded: Record<string, Way> = {
  "by hand": decodeUtf8,
  native: (buffer, _view, from, to) => buffer.toString("utf8", from, to),
};
const made: Record<string, Way> = {
  latin1: (buffer, _view, from, to) => buffer.toString("latin1", from, to),
  utf8: (buffer, _view, from, to) => buffer.toString("utf8", from, to),
};

const cases: readonly (readonly [string, string, Record<string, Way>])[] = [
  ["Is it ASCII?", "x", examined],
  ["The text of ASCII", "x", made],
  ["Text with some words beyond ASCII", "plain words around a naïve one, and 東京; ", decoded],
  ["Text with accents", "déjà vu à Zürich, ", decoded],
  ["Text in Chinese", "新着消息订单已发货", decoded],
];

let last: unknown;

for (const [what, unit, ways] of cases) {
  console.log(
    `\n## ${what}\n\n| bytes | ${Object.keys(ways).join(" | ")} |\n| --- |${" --: |".repeat(Object.keys(ways).length)}`,
  );
  const buffer = Buffer.from(unit.repeat(Math.floor(SIZE / Buffer.byteLength(unit))));
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
  for (const length of LENGTHS) {
    // Whole units, so that no character is cut.
    const size = Math.max(1, Math.round(length / Buffer.byteLength(unit))) * Buffer.byteLength(unit);
    const best = Object.values(ways).map(() => Number.POSITIVE_INFINITY);
    for (let round = 0; round < ROUNDS; round++) {
      for (const [i, way] of Object.values(ways).entries()) {
        const count = Math.ceil(BYTES / size);
        const since = process.cpuUsage();
        for (let n = 0, from = 0; n < count; n++) {
          last = way(buffer, view, from, from + size);
          from = from + 2 * size <= buffer.length ? from + size : 0;
        }
        const { user, system } = process.cpuUsage(since);
        best[i] = Math.min(best[i] as number, ((user + system) * 1000) / count);
      }
    }
    console.log(`| ${size} | ${best.map((value) => value.toFixed(0)).join(" | ")} |`);
  }
}
if (last === undefined) throw new Error("Nothing was measured.");

// What the demo prints: plain lines with the seconds since the start, coloured only on a terminal.

import { setTimeout as delay } from "node:timers/promises";

const started = performance.now();
const colours = process.stdout.isTTY && process.env.NO_COLOR === undefined;
const paint = (code: number, text: string): string => (colours ? `\x1b[${code}m${text}\x1b[0m` : text);

/** The heading of a part. */
export function title(text: string): void {
  console.log(`\n${paint(1, text)}\n`);
}

/** What the program does, or what happens. */
export function say(text: string): void {
  const seconds = ((performance.now() - started) / 1000).toFixed(1).padStart(5);
  console.log(`${paint(2, `${seconds} s`)}  ${text}`);
}

/** The same, after a moment to read what is there. */
export async function step(text: string): Promise<void> {
  await delay(600);
  say(text);
}

/** What came of it, below the line that caused it. */
export function show(text: string): void {
  console.log(`         ${paint(36, "→")} ${text}`);
}

/** A line of the summary: a label and its figures, in columns. */
export function figures(label: string, values: readonly string[]): void {
  console.log(`  ${label.padEnd(36)}${values.map((value) => paint(1, value.padStart(12))).join("")}`);
}

export function good(text: string): void {
  console.log(`\n${paint(32, text)}`);
}

/** To stderr, like every failure. */
export function bad(text: string): void {
  console.error(paint(31, text));
}

/** 1234567 as 1,234,567. */
export function count(value: number): string {
  return value.toLocaleString("en-US");
}

/** Epoch milliseconds as the time of day, with its milliseconds. */
export function clock(time: number): string {
  return new Date(time).toISOString().slice(11, 23);
}

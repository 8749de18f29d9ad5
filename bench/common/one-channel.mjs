// Measuring subscribers of one channel, each in a process of its own, by turns: the same replayed stream for all of them.

import { Child } from "../child.mjs";
import { receivedReel } from "../frames.mjs";
import { playPhase, startSource } from "../measure.mjs";
import { note } from "../prepare.mjs";

/** How long one subscriber may take; seconds. */
const SECONDS = 60;

/**
 * 64 bytes of ASCII on one channel.
 * @returns {import("../scenarios.mjs").Scenario}
 */
export function oneChannel(name, messages, warmUp) {
  return {
    name,
    set: "replay",
    payload: { size: 64, text: "ascii" },
    channels: 1,
    pattern: null,
    protocol: 3,
    data: "string",
    messages,
    warmUp,
    entries: [],
  };
}

/** The figures of each name, a list of one a run. They take turns, and none is always first. */
export async function inTurns(scenario, names, runs, measure) {
  const source = await startSource(scenario, null, receivedReel(scenario).messages);
  const figures = Object.fromEntries(names.map((name) => [name, []]));
  try {
    for (let run = 0; run < runs; run += 1) {
      note(`run ${run + 1} of ${runs}`);
      for (let index = 0; index < names.length; index += 1) {
        const name = names[(index + run) % names.length];
        figures[name].push(await measure(source, name));
      }
    }
  } finally {
    await source.stop();
  }
  return figures;
}

/** What a subscriber measures of so many messages, after the scenario's own to warm up. */
export async function figureOf(subscriber, source, scenario, config, messages = scenario.messages) {
  const child = new Child(subscriber, { ...config, scenario, port: source.port }, SECONDS);
  const phase = (count) => playPhase(child, source, Math.max(1, Math.round(count / source.reelMessages)));
  try {
    await child.next("ready");
    await phase(scenario.warmUp);
    return (await phase(messages)).figure;
  } finally {
    await child.stop();
  }
}

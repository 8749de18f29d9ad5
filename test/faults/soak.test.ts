import { performance } from "node:perf_hooks";
import { expect, test } from "vitest";
import { clusterEpisode } from "../soak/cluster-episode.ts";
import { clusterFaults } from "../soak/cluster-faults.ts";
import { episodes } from "../soak/plan.ts";
import { type Seen, serverEpisode } from "../soak/server-episode.ts";
import { serverFaults } from "../soak/server-faults.ts";
import { startProxy } from "../support/proxy.ts";
import { startCluster } from "../support/redis-cluster.ts";
import { startServer } from "../support/redis-server.ts";
import { lacks } from "../support/server-features.ts";

const shardTest = test.skipIf(lacks("shardChannels"));

// Row 52. `npm run soak -- --seed N --minutes M` says how long, and what.
const seed = Number(process.env.TIDINGS_SOAK_SEED ?? 1);
const minutes = Number(process.env.TIDINGS_SOAK_MINUTES ?? 2);
const told = process.env.TIDINGS_SOAK_SEED !== undefined;

/** Half of the time is for one server, half for a cluster; an episode that has begun is finished. */
const half = (minutes * 60_000) / 2;
const LONGEST = 120_000;

/** Plays episodes for as long as there is time, and tells of each. */
async function soak(
  what: string,
  faults: readonly string[],
  length: number,
  play: (episode: Parameters<typeof serverEpisode>[1], say: (line: string) => void) => Promise<Seen | null>,
): Promise<number> {
  const end = performance.now() + half;
  let played = 0;
  for (const episode of episodes(seed, faults, length)) {
    if (performance.now() >= end) break;
    const say = (line: string) => {
      if (told) console.log(`${new Date().toISOString().slice(11, 19)} ${what} ${episode.number}: ${line}`);
    };
    const seen = await play(episode, say).catch((cause: unknown) => {
      throw new Error(`seed ${seed}, ${what}, episode ${episode.number}: ${String(cause)}`, { cause });
    });
    if (seen === null) continue;
    played++;
    say(`judged: ${seen.received} received, ${seen.missing} missing inside ${seen.gaps} gaps, ${seen.calls} calls`);
    expect(seen.received).toBeGreaterThan(0);
  }
  return played;
}

test("one server, whatever befalls it", { timeout: half + LONGEST }, async () => {
  await using server = await startServer();
  await using proxy = await startProxy(server.port);
  const stage = { server, proxy };
  const played = await soak("server", Object.keys(serverFaults), 6, (episode, say) =>
    serverEpisode(stage, episode, say),
  );
  expect(played).toBeGreaterThan(0);
});

shardTest("a cluster, whatever befalls it", { timeout: half + LONGEST }, async () => {
  let cluster = await startCluster();
  try {
    const played = await soak("cluster", Object.keys(clusterFaults), 5, async (episode, say) => {
      try {
        return await clusterEpisode(cluster, episode, say);
      } catch (error) {
        // Nodes that were asked too much of may quarrel about a slot for good; no client can tell what is true then.
        if (!String(error).includes("the nodes do not agree")) throw error;
        say("the nodes do not agree any more; another cluster takes over");
        await cluster.stop();
        cluster = await startCluster();
        return null;
      }
    });
    expect(played).toBeGreaterThan(0);
  } finally {
    await cluster.stop();
  }
});

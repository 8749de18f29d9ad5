import { constantDelay, Redis } from "tidings";
import { expect } from "vitest";
import { Witness } from "../faults/witness.ts";
import { clientList } from "../support/clients.ts";
import { eventually } from "../support/eventually.ts";
import { watchResources } from "../support/resource-watch.ts";
import { CONTROL_USER } from "../support/server-config.ts";
import { expectServerTruth } from "../support/server-truth.ts";
import { Churn } from "./churn.ts";
import type { Episode } from "./plan.ts";
import { type ServerStage, serverFaults } from "./server-faults.ts";

/** Who listens: each with names of its own, in all the ways there are. */
const casts = [
  { name: "plain3", protocol: 3 },
  { name: "plain2", protocol: 2 },
  { name: "slow", protocol: 3, pace: 25, options: { buffer: { limit: 40, overflow: "drop-oldest" } } },
  { name: "paused", protocol: 2, pace: 1, options: { buffer: { limit: 20 } } },
  { name: "shared1", protocol: 3, options: { shared: true } },
  { name: "shared2", protocol: 3, options: { shared: true } },
] as const;

/** What an episode saw. */
export interface Seen {
  readonly received: number;
  readonly missing: number;
  readonly gaps: number;
  readonly calls: number;
}

/** Opens consumers, lets the steps happen to them, and throws unless every oracle is content. */
export async function serverEpisode(stage: ServerStage, episode: Episode, say: (line: string) => void): Promise<Seen> {
  const { server, proxy } = stage;
  using watch = watchResources();
  const clients = new Map<number, Redis>();
  const clientOf = (protocol: 2 | 3): Redis => {
    const client =
      clients.get(protocol) ??
      new Redis({ host: "127.0.0.1", port: proxy.port, protocol, retryPolicy: constantDelay({ delay: 100 }) });
    clients.set(protocol, client);
    return client;
  };
  const witnesses = await Promise.all(
    casts.map(({ name, protocol, ...how }) =>
      Witness.open(clientOf(protocol), server, {
        channels: [`${name}:a`],
        ...("pace" in how ? {} : { handled: [`${name}:h`], patterns: { [`${name}:p*`]: [`${name}:p1`] } }),
        interval: 10,
        ...how,
      }),
    ),
  );
  const churns = witnesses.map(({ consumer }, index) => {
    const names = Array.from({ length: 8 }, (_, at) => `${casts[index]?.name}:extra${at}`);
    return new Churn(consumer, names, episode.seed + index);
  });
  for (const { fault, random } of episode.steps) {
    say(fault);
    await serverFaults[fault]?.(stage, random);
    await Promise.all(
      witnesses.map((witness, index) =>
        witness.receives(20).catch((cause: unknown) => {
          const { consumer } = witness;
          const facts = JSON.stringify({ state: consumer.state, ...consumer.stats() });
          throw new Error(`${casts[index]?.name} receives nothing after "${fault}": ${facts}`, { cause });
        }),
      ),
    );
  }
  await Promise.all(churns.map((churn) => churn.stop()));
  await eventually(() => expect(witnesses.map(({ consumer }) => consumer.state)).toEqual(casts.map(() => "live")));
  await expectServerTruth(server, {
    channels: witnesses.flatMap(({ consumer }) => [...consumer.channels.keys()]),
    patterns: witnesses.flatMap(({ consumer }) => [...consumer.patterns.keys()]),
  });
  let missing = 0;
  for (const witness of witnesses) missing += await witness.verify();
  const gaps = witnesses.reduce((sum, witness) => sum + witness.gaps.length, 0);
  await Promise.all([...clients.values()].map((client) => client.close()));
  await watch.expectNone();
  await eventually(async () => {
    const left = (await clientList(server.control)).filter(({ user }) => user !== CONTROL_USER);
    expect(left).toEqual([]);
  });
  return {
    received: witnesses.reduce((sum, witness) => sum + witness.received, 0),
    missing,
    gaps,
    calls: churns.reduce((sum, { calls }) => sum + calls, 0),
  };
}

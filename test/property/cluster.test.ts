import fc from "fast-check";
import "../support/seeded.ts";
import { constantDelay, RedisCluster, type ShardedPubSub } from "tidings";
import { afterAll, beforeAll, expect, test } from "vitest";
import { deadline, eventually } from "../support/eventually.ts";
import { type FakeTopology, nodeRecord, shardRecord, startFakeCluster, type Value } from "../support/fake-cluster.ts";
import type { FakeServer } from "../support/fake-server.ts";
import { sequence } from "../support/random.ts";
import { fuzz, fuzzTimeout } from "./fuzz.ts";
import { answers, anything, infos, refusals } from "./topologies.ts";

// The nodes' ports are not known when inputs are made: these stand for them, and for one that nobody listens at.
const STAND_INS = [101, 102, 103];
const NAMES = ["a", "b", "c", "{a}1", "", "e"];
const HALF = 8191;

/** What the nodes say at one time, and what the user and they do then. */
interface Scene {
  readonly info: Value;
  readonly shards: Value;
  readonly slots: Value;
  /** Errors that commands are answered with, and how many of ten commands are. */
  readonly refusals: readonly string[];
  readonly share: number;
  readonly acts: readonly Act[];
}

interface Act {
  readonly what: "subscribe" | "unsubscribe" | "publish" | "classic" | "refresh" | "dismiss" | "junk" | "end" | "rest";
  readonly names: readonly string[];
  readonly junk: string;
}

interface Play {
  readonly protocol: 2 | 3;
  readonly readFromReplicas: boolean;
  readonly seed: number;
  readonly scenes: readonly Scene[];
}

const { shards, slots } = answers(STAND_INS);
const names = fc.array(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 4 });
const plays: fc.Arbitrary<Play> = fc.record({
  protocol: fc.constantFrom(2, 3),
  readFromReplicas: fc.boolean(),
  seed: fc.nat(),
  scenes: fc.array(
    fc.record({
      info: infos,
      shards: fc.oneof({ weight: 4, arbitrary: shards }, { weight: 1, arbitrary: anything }),
      slots,
      refusals: fc.array(refusals(STAND_INS), { minLength: 1, maxLength: 4 }),
      share: fc.nat(10),
      acts: fc.array(
        fc.record({
          what: fc.constantFrom<Act["what"][]>(
            ...([
              "subscribe",
              "unsubscribe",
              "publish",
              "classic",
              "refresh",
              "dismiss",
              "junk",
              "end",
              "rest",
            ] as const),
          ),
          names,
          junk: fc.constantFrom("-MOVED 1 ?:1", "-ERR out of the blue", ":1", "*0", "$-1", "+OK"),
        }),
        { maxLength: 8 },
      ),
    }),
    { minLength: 1, maxLength: 3 },
  ),
});

let cluster: Awaited<ReturnType<typeof startFakeCluster>>;
let refuse: () => string | null = () => null;
/** What was thrown where nothing catches it. */
let uncaught: unknown[] = [];
const note = (error: unknown) => uncaught.push(error);

function sane([a, b]: readonly FakeServer[]): FakeTopology {
  const record = (server: FakeServer | undefined, ...range: number[]): Value =>
    shardRecord(range, server === undefined ? [] : [nodeRecord(server)]);
  return {
    info: "cluster_state:ok\r\ncluster_slots_assigned:16384\r\n",
    shards: [record(a, 0, HALF), record(b, HALF + 1, 16_383)],
    slots: new Error("ERR unknown subcommand"),
  };
}

/** The same with the ports of the servers. */
function real(value: Value): Value {
  if (typeof value === "number") {
    const at = STAND_INS.indexOf(value);
    return at < 0 ? value : (cluster.servers[at]?.port ?? 1);
  }
  if (value instanceof Map) return new Map(Array.from(value, ([key, one]) => [String(key), real(one as Value)]));
  return Array.isArray(value) ? value.map((one: Value) => real(one)) : value;
}

function realLine(line: string): string {
  return line.replace(/10[123]$/, (port) => String(real(Number(port)))).replace(/[\r\n]/g, " ");
}

beforeAll(async () => {
  process.on("unhandledRejection", note);
  process.on("uncaughtException", note);
  cluster = await startFakeCluster(2, sane);
  for (const server of cluster.servers) {
    for (const name of ["SSUBSCRIBE", "SUNSUBSCRIBE", "SPUBLISH", "PUBLISH", "SUBSCRIBE", "READONLY", "ASKING"]) {
      server.handle(name, (command, connection) => {
        const refusal = command.args.length === 0 ? null : refuse();
        if (refusal === null) server.respond(command, connection);
        else connection.write(Buffer.from(`-${refusal}\r\n`));
      });
    }
  }
});

afterAll(async () => {
  process.off("unhandledRejection", note);
  process.off("uncaughtException", note);
  await cluster[Symbol.asyncDispose]();
});

const later = () => new Promise<void>((resolve) => setImmediate(resolve));

function perform(act: Act, client: RedisCluster, consumer: ShardedPubSub, calls: Promise<unknown>[]): void {
  const connections = cluster.servers.flatMap((server) => server.connections);
  const subscribed = connections.find(({ subscriptions }) => subscriptions.s.size > 0);
  const [name = ""] = act.names;
  switch (act.what) {
    case "subscribe":
      calls.push(consumer.subscribe(act.names));
      break;
    case "unsubscribe":
      calls.push(consumer.unsubscribe(...act.names));
      break;
    case "publish":
      calls.push(client.spublish(name, "x"), client.publish(name, "x"), client.call("GET", name));
      break;
    case "classic":
      calls.push(client.pubsub({ channels: act.names }).then((classic) => classic.close()));
      break;
    case "refresh":
      calls.push(client.topology.refresh());
      break;
    case "dismiss":
      subscribed?.unsubscribe("s", [...subscribed.subscriptions.s].slice(0, 1));
      break;
    case "junk":
      subscribed?.write(`${act.junk}\r\n`);
      break;
    case "end":
      (subscribed ?? connections[0])?.end();
      break;
    default:
      break;
  }
}

async function play({ protocol, readFromReplicas, seed, scenes }: Play): Promise<void> {
  uncaught = [];
  const random = sequence(seed);
  const client = new RedisCluster({
    seeds: cluster.servers.map(({ host, port }) => ({ host, port })),
    protocol,
    readFromReplicas,
    retryPolicy: constantDelay({ delay: 5 }),
    connectTimeout: 2000,
    commandTimeout: 300,
    topologyRefreshInterval: 20,
  });
  client.on("error", () => {});
  const consumer = await client.shardedPubsub({ subscriptionTimeout: 200, unsubscriptionTimeout: 10 });
  consumer.on("error", () => {});
  const calls: Promise<unknown>[] = [];
  for (const scene of scenes) {
    Object.assign(cluster.topology, {
      info: scene.info,
      shards: real(scene.shards),
      slots: real(scene.slots),
    });
    refuse = () => {
      if (random(10) >= scene.share) return null;
      return realLine(scene.refusals[random(scene.refusals.length)] ?? "CLUSTERDOWN");
    };
    for (const act of scene.acts) {
      perform(act, client, consumer, calls);
      for (const call of calls) call.catch(() => {});
      await later();
    }
    await deadline(client.topology.refresh(), 5000, "a refresh");
  }
  refuse = () => null;
  Object.assign(cluster.topology, sane(cluster.servers));
  // With nodes that behave all comes to rest: what is wanted is subscribed, and nothing that is not.
  await eventually(
    () => {
      if (consumer.state === "failed") return;
      expect(consumer.state).toBe("live");
      const held = cluster.servers.flatMap((server) =>
        server.connections.flatMap(({ subscriptions }) => [...subscriptions.s]),
      );
      const wanted = [...consumer.channels.keys()].filter((name) => !consumer.denied.has(name));
      expect(wanted.filter((name) => !held.includes(name))).toEqual([]);
    },
    { timeout: 8000, interval: 5 },
  );
  await deadline(Promise.allSettled(calls), 5000, "every call to settle");
  await deadline(consumer.close(), 5000, "the close");
  await deadline(client.close(), 5000, "the client to close");
  expect(uncaught).toEqual([]);
}

test("whatever nodes of a cluster answer, all comes to rest once they behave", { timeout: fuzzTimeout }, async () => {
  await fuzz("cluster plays", plays, play, { runs: 30, slice: 10 });
});

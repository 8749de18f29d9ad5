import { ClosedError, constantDelay, type PubSub, type Redis } from "tidings";
import { expect, test } from "vitest";
import { deadline, eventually } from "../support/eventually.ts";
import { baseline, expectBaseline, expectSteadyHeap, heapUsed } from "../support/leaks.ts";
import { watchResources } from "../support/resource-watch.ts";
import { expectServerTruth } from "../support/server-truth.ts";
import { type Bench, names, onEveryProtocol, rejection, unopened } from "./fixtures.ts";

/** Waits that a close must not wait for. */
const PATIENT = { maxIdle: 60_000, pingTimeout: 60_000, subscriptionTimeout: 60_000, unsubscriptionTimeout: 60_000 };
const CLIENT = { readyTimeout: 60_000, connectTimeout: 60_000, commandTimeout: 60_000 };
/** The bound is one second; a machine may be busy. */
const LIMIT = 3000;
/** Closed means that all is gone, not that it will be; but Node tells of the end of a timer with a delay. */
const SOON = 500;

interface Situation {
  readonly client: Redis;
  readonly consumer: PubSub;
  /** What waits on the consumer, and is to be told. */
  readonly calls: Settled;
  /** What waits on the client. */
  readonly commands: Settled;
}

type Settled = Promise<PromiseSettledResult<unknown>[]>;

/** Brings a client and a consumer into a state in which it is awkward to close them. */
type Enter = (bench: Bench) => Promise<Situation>;

const swallow = ([name]: readonly string[]) => (name === "SUBSCRIBE" ? { reply: "" } : undefined);

function waiting(
  client: Redis,
  consumer: PubSub,
  calls: readonly Promise<unknown>[],
  commands: readonly Promise<unknown>[] = [],
): Situation {
  return { client, consumer, calls: Promise.allSettled(calls), commands: Promise.allSettled(commands) };
}

/** A consumer that has asked to connect, and gets no answer. */
function connecting(bench: Bench): Situation {
  const client = bench.proxied(CLIENT);
  const consumer = unopened(client, { ...PATIENT, channels: "a" });
  return waiting(client, consumer, [consumer.open(), consumer.subscribe("b")], [client.publish("a", "x")]);
}

async function live(bench: Bench): Promise<{ readonly client: Redis; readonly consumer: PubSub }> {
  const client = bench.proxied(CLIENT);
  const consumer = await unopened(client, { ...PATIENT, channels: names("c", 50) }).open();
  await client.connect();
  return { client, consumer };
}

const situations: Readonly<Record<string, Enter>> = {
  async "while a connect is not answered"(bench) {
    bench.proxy.hold();
    const situation = connecting(bench);
    await eventually(() => expect(bench.proxy.accepted.length).toBeGreaterThanOrEqual(2));
    return situation;
  },
  async "in the tick of the first connect"(bench) {
    return connecting(bench);
  },
  async "while a handshake is not answered"(bench) {
    bench.proxy.stall("toClient");
    const situation = connecting(bench);
    // Both have said HELLO, or what there is instead.
    await eventually(() => expect(bench.proxy.connections.filter((it) => it.bytesToServer > 20)).toHaveLength(2));
    return situation;
  },
  async "between attempts that are refused"(bench) {
    bench.proxy.refuse();
    const client = bench.proxied({ ...CLIENT, retryPolicy: constantDelay({ delay: 60_000 }) });
    const waits = new Promise((resolve) => client.once("reconnecting", resolve));
    const consumer = unopened(client, { ...PATIENT, retryPolicy: constantDelay({ delay: 60_000 }), channels: "a" });
    const situation = waiting(client, consumer, [consumer.open(), consumer.subscribe("b")], [client.publish("a", "x")]);
    await waits;
    return situation;
  },
  async "during a subscribe that is not confirmed"(bench) {
    bench.proxy.rewriteCommands((words) => (words.includes("late") ? swallow(words) : undefined));
    const { client, consumer } = await live(bench);
    const calls = [consumer.subscribe("late"), consumer.unsubscribe("c1"), consumer.psubscribe("p*", () => {})];
    return waiting(client, consumer, calls);
  },
  async "during a restore that is not confirmed"(bench) {
    const { client, consumer } = await live(bench);
    let asked = false;
    bench.proxy.rewriteCommands((words) => {
      asked ||= words[0] === "SUBSCRIBE";
      return swallow(words);
    });
    bench.proxy.cut();
    await eventually(() => expect(consumer.state).toBe("reconnecting"));
    const situation = waiting(client, consumer, [consumer.subscribe("late")]);
    await eventually(() => expect(asked).toBe(true));
    return situation;
  },
  async "in the wait before a reconnect"(bench) {
    const { client, consumer } = await live(bench);
    bench.proxy.refuse();
    bench.proxy.cut();
    await eventually(() => expect([client.state, consumer.state]).toEqual(["reconnecting", "reconnecting"]));
    return waiting(client, consumer, [consumer.subscribe("late")], [client.publish("a", "x")]);
  },
  async "in the tick in which the connection is lost"(bench) {
    const { client, consumer } = await live(bench);
    const situation = waiting(client, consumer, [consumer.subscribe("late")], [client.publish("nobody", "x")]);
    bench.proxy.cut();
    return situation;
  },
  async "on a link that is silent"(bench) {
    const { client, consumer } = await live(bench);
    bench.proxy.blackhole();
    const calls = [consumer.subscribe("late"), consumer.unsubscribe()];
    return waiting(client, consumer, calls, [client.publish("a", "x")]);
  },
  async "while a pooled connection does not answer the question whether it lives"(bench) {
    const { client, consumer: first } = await live(bench);
    await first.close();
    bench.proxy.blackhole();
    const consumer = unopened(client, { ...PATIENT, channels: "a" });
    return waiting(client, consumer, [consumer.open(), consumer.subscribe("b")]);
  },
  async "while the server is frozen"(bench) {
    const { client, consumer } = await live(bench);
    bench.server.freeze();
    return waiting(client, consumer, [consumer.subscribe("late")], [client.publish("a", "x")]);
  },
};

/** Ends what was done to server and proxy. */
async function mend({ server, proxy }: Bench): Promise<void> {
  server.thaw();
  await proxy.heal();
}

/** What was not done rejects with `ClosedError`, or with the loss of its connection. */
async function expectTold(settled: Settled): Promise<void> {
  for (const outcome of await deadline(settled, LIMIT, "pending calls to settle"))
    if (outcome.status === "rejected") expect(["CLOSED", "CONNECTION"]).toContain(outcome.reason.code);
}

// Row 49.
onEveryProtocol("close()", (bench) => {
  const entries = Object.entries(situations);

  test.each(entries)("of a consumer, %s", async (_name, enter) => {
    using watch = watchResources();
    const before = baseline();
    const { client, consumer, calls, commands } = await enter(bench);
    const receiving = rejection(consumer.receive());
    const reading = consumer.messages({ until: "closed" }).next();
    await deadline(consumer.close(), LIMIT, "the consumer to close");
    await expectTold(calls);
    expect([consumer.closed, consumer.state, consumer.channels.size]).toEqual([true, "closed", 0]);
    expect(await receiving).toBeInstanceOf(ClosedError);
    expect(await reading).toMatchObject({ done: true });
    await deadline(client.close(), LIMIT, "the client to close");
    await expectTold(commands);
    await watch.expectNone({ timeout: SOON });
    await mend(bench);
    await eventually(() => expect(bench.proxy.open).toBe(0));
    await expectBaseline(before);
    await expectServerTruth(bench.server, {});
  });

  test.each(entries)("of a client with its consumers, %s", async (_name, enter) => {
    using watch = watchResources();
    const { client, consumer, calls, commands } = await enter(bench);
    const closing = client.close();
    expect(client.close()).toBe(closing);
    await deadline(closing, LIMIT, "the client to close");
    await expectTold(calls);
    await expectTold(commands);
    expect([client.state, consumer.state]).toEqual(["closed", "closed"]);
    expect(await rejection(consumer.subscribe("a"))).toBeInstanceOf(ClosedError);
    expect(await rejection(client.publish("a", "x"))).toBeInstanceOf(ClosedError);
    await watch.expectNone({ timeout: SOON });
    await mend(bench);
    await eventually(() => expect(bench.proxy.open).toBe(0));
    await expectServerTruth(bench.server, {});
  });

  test("in these states, time and again, leaves nothing behind", { timeout: 60_000 }, async () => {
    using watch = watchResources();
    // Without those that last, for a close waits half a second for replies that are due.
    const quick = entries.filter(([name]) => !/frozen|silent|not answered/.test(name));
    const made: WeakRef<object>[] = [];
    let turn = 0;
    await expectSteadyHeap(
      async () => {
        const [, enter] = quick[turn++ % quick.length] ?? [];
        if (enter === undefined) return;
        const { client, consumer, calls, commands } = await enter(bench);
        made.push(new WeakRef(client), new WeakRef(consumer));
        if (turn % 2 === 0) await consumer.close();
        await deadline(client.close(), LIMIT, "the client to close");
        await Promise.all([expectTold(calls), expectTold(commands)]);
        await mend(bench);
        await eventually(() => expect(bench.proxy.open).toBe(0));
      },
      { warmup: 30, cycles: 102, limit: 1024 * 1024 },
    );
    // The heap wanders here; that none of these is held by anything is exact, but for the last of them.
    await eventually(async () => {
      await heapUsed();
      expect(made.filter((one) => one.deref() !== undefined).length).toBeLessThanOrEqual(2);
    });
    expect(made).toHaveLength(2 * 132);
    await watch.expectNone();
  });
});

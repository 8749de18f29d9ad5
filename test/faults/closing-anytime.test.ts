import { ClosedError, constantDelay, type PubSub, type Redis } from "tidings";
import { expect, test } from "vitest";
import { deadline, eventually } from "../support/eventually.ts";
import { baseline, expectBaseline, expectSteadyHeap } from "../support/leaks.ts";
import { watchResources } from "../support/resource-watch.ts";
import { expectServerTruth } from "../support/server-truth.ts";
import { type Bench, names, onEveryProtocol, rejection, unopened } from "./bench.ts";

/** Waits that a close must not wait for. */
const PATIENT = { maxIdle: 60_000, pingTimeout: 60_000, subscriptionTimeout: 60_000, unsubscriptionTimeout: 60_000 };
const CLIENT = { connectTimeout: 60_000, commandTimeout: 60_000 };
/** The bound is one second; a machine may be busy. */
const LIMIT = 3000;

interface Situation {
  readonly client: Redis;
  readonly consumer: PubSub;
  /** Calls that wait, and are to be told. */
  readonly pending: readonly Promise<unknown>[];
}

/** Brings a client and a consumer into a state in which it is awkward to close them. */
type Enter = (bench: Bench) => Promise<Situation>;

const swallow = ([name]: readonly string[]) => (name === "SUBSCRIBE" ? { reply: "" } : undefined);

/** A consumer that has asked to connect, and gets no answer. */
function connecting(bench: Bench): Situation {
  const client = bench.proxied(CLIENT);
  const consumer = unopened(client, { ...PATIENT, channels: "a" });
  return { client, consumer, pending: [consumer.open(), consumer.subscribe("b"), client.publish("a", "x")] };
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
    await eventually(() => expect(bench.proxy.bytesToServer).toBeGreaterThan(50));
    return situation;
  },
  async "between attempts that are refused"(bench) {
    bench.proxy.refuse();
    const client = bench.proxied({ ...CLIENT, retryPolicy: constantDelay({ delay: 60_000 }) });
    const waits = new Promise((resolve) => client.once("reconnecting", resolve));
    const consumer = unopened(client, { ...PATIENT, retryPolicy: constantDelay({ delay: 60_000 }), channels: "a" });
    const pending = [consumer.open(), consumer.subscribe("b"), client.publish("a", "x")];
    await waits;
    return { client, consumer, pending };
  },
  async "during a subscribe that is not confirmed"(bench) {
    bench.proxy.rewriteCommands((words) => (words.includes("late") ? swallow(words) : undefined));
    const { client, consumer } = await live(bench);
    const pending = [consumer.subscribe("late"), consumer.unsubscribe("c1"), consumer.psubscribe("p*", () => {})];
    return { client, consumer, pending };
  },
  async "during a restore that is not confirmed"(bench) {
    const { client, consumer } = await live(bench);
    bench.proxy.rewriteCommands(swallow);
    bench.proxy.cut();
    await eventually(() => expect(consumer.state).toBe("reconnecting"));
    const pending = [consumer.subscribe("late"), client.publish("a", "x")];
    const accepted = bench.proxy.accepted.length;
    await eventually(() => expect(accepted + bench.proxy.accepted.length).toBeGreaterThanOrEqual(6));
    return { client, consumer, pending };
  },
  async "in the wait before a reconnect"(bench) {
    const { client, consumer } = await live(bench);
    bench.proxy.refuse();
    bench.proxy.cut();
    await eventually(() => expect([client.state, consumer.state]).toEqual(["reconnecting", "reconnecting"]));
    return { client, consumer, pending: [consumer.subscribe("late"), client.publish("a", "x")] };
  },
  async "in the tick in which the connection is lost"(bench) {
    const { client, consumer } = await live(bench);
    const pending = [consumer.subscribe("late"), client.publish("nobody", "x")];
    bench.proxy.cut();
    return { client, consumer, pending };
  },
  async "on a link that is silent"(bench) {
    const { client, consumer } = await live(bench);
    bench.proxy.blackhole();
    return {
      client,
      consumer,
      pending: [consumer.subscribe("late"), client.publish("a", "x"), consumer.unsubscribe()],
    };
  },
  async "while the server is frozen"(bench) {
    const { client, consumer } = await live(bench);
    bench.server.freeze();
    return { client, consumer, pending: [consumer.subscribe("late"), client.publish("a", "x")] };
  },
};

/** Ends what was done to server and proxy. */
async function mend({ server, proxy }: Bench): Promise<void> {
  server.thaw();
  await proxy.heal();
}

/** Everything that waits settles; what was not done rejects with `ClosedError` or the loss of its connection. */
async function settle(pending: readonly Promise<unknown>[]): Promise<void> {
  const outcomes = await deadline(Promise.allSettled(pending), LIMIT, "pending calls to settle");
  for (const outcome of outcomes)
    if (outcome.status === "rejected") expect(["CLOSED", "CONNECTION"]).toContain(outcome.reason.code);
}

// Row 49.
onEveryProtocol("close()", (bench) => {
  const entries = Object.entries(situations);

  test.each(entries)("of a consumer, %s", async (_name, enter) => {
    using watch = watchResources();
    const before = baseline();
    const { client, consumer, pending } = await enter(bench);
    const settled = settle(pending.slice(0, 1));
    const waiting = [rejection(consumer.receive()), consumer.messages({ until: "closed" }).next()];
    await deadline(consumer.close(), LIMIT, "the consumer to close");
    await settled;
    expect([consumer.closed, consumer.state, consumer.channels.size]).toEqual([true, "closed", 0]);
    expect(await waiting[0]).toBeInstanceOf(ClosedError);
    expect(await waiting[1]).toMatchObject({ done: true });
    const rest = Promise.allSettled(pending);
    await deadline(client.close(), LIMIT, "the client to close");
    await deadline(rest, LIMIT, "pending calls to settle");
    await watch.expectNone();
    await mend(bench);
    await eventually(() => expect(bench.proxy.open).toBe(0));
    await expectBaseline(before);
    await expectServerTruth(bench.server, {});
  });

  test.each(entries)("of a client with its consumers, %s", async (_name, enter) => {
    using watch = watchResources();
    const { client, consumer, pending } = await enter(bench);
    const settled = settle(pending);
    const closing = client.close();
    expect(client.close()).toBe(closing);
    await deadline(closing, LIMIT, "the client to close");
    await settled;
    expect([client.state, consumer.state]).toEqual(["closed", "closed"]);
    expect(await rejection(consumer.subscribe("a"))).toBeInstanceOf(ClosedError);
    expect(await rejection(client.publish("a", "x"))).toBeInstanceOf(ClosedError);
    await watch.expectNone();
    await mend(bench);
    await eventually(() => expect(bench.proxy.open).toBe(0));
    await expectServerTruth(bench.server, {});
  });

  test("in all of these states, time and again, leaves nothing behind", { timeout: 60_000 }, async () => {
    using watch = watchResources();
    const quick = entries.filter(([name]) => !/frozen|silent|not answered/.test(name));
    let turn = 0;
    const growth = await expectSteadyHeap(
      async () => {
        const [, enter] = quick[turn++ % quick.length] ?? [];
        if (enter === undefined) return;
        const { client, consumer, pending } = await enter(bench);
        const settled = Promise.allSettled(pending);
        if (turn % 2 === 0) await consumer.close();
        await deadline(client.close(), LIMIT, "the client to close");
        await settled;
        await mend(bench);
        await eventually(() => expect(bench.proxy.open).toBe(0));
      },
      { warmup: 5 * quick.length, cycles: 100 - (100 % quick.length) },
    );
    expect(growth).toBeLessThan(256 * 1024);
    await watch.expectNone();
  });
});

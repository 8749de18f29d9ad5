import { constantDelay, type PubSub, type PubSubOptions, Redis } from "tidings";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clientList } from "../support/clients.ts";
import { deadline, eventually } from "../support/eventually.ts";
import { heapUsed } from "../support/leaks.ts";
import { startProxy, type TcpProxy } from "../support/proxy.ts";
import { type RedisServer, startServer } from "../support/redis-server.ts";
import { watchResources } from "../support/resource-watch.ts";
import { CONTROL_USER } from "../support/server-config.ts";
import { names, unopened } from "./fixtures.ts";

const CYCLES = 100;
/** The deadline of a drain, milliseconds: some of what it waits for never comes. */
const DRAIN = 20;
/** Generous: a close takes no longer than replies that are due, half a second. */
const LIMIT = 3000;

/** What scenarios work with. */
interface Stage {
  readonly server: RedisServer;
  readonly proxy: TcpProxy;
}

/** A consumer in a state, and promises that wait for it. */
interface Cast {
  readonly consumer: PubSub;
  readonly waiting?: readonly Promise<unknown>[] | undefined;
  /** Ends what was done to the proxy. */
  readonly mend?: (() => Promise<void>) | undefined;
}

type Enter = (client: Redis, stage: Stage) => Promise<Cast>;

const swallow = ([name]: readonly string[]) => (name === "SUBSCRIBE" ? { reply: "" } : undefined);
const open = (client: Redis, options: PubSubOptions = {}) => unopened(client, { channels: "a", ...options }).open();

/** A consumer that has lost its connection. */
async function cut(client: Redis, { proxy }: Stage): Promise<PubSub> {
  const consumer = await open(client, { retryPolicy: constantDelay({ delay: 60_000 }) });
  proxy.cut();
  await eventually(() => expect(consumer.state).toBe("reconnecting"));
  return consumer;
}

/** A consumer that holds as much as it may. */
async function full(client: Redis, options: PubSubOptions): Promise<PubSub> {
  const consumer = await open(client, { buffer: { limit: 5 }, ...options });
  const paused = new Promise<void>((resolve) => consumer.once("pause", resolve));
  await Promise.all(Array.from({ length: 50 }, (_, index) => client.publish("a", `${index}`)));
  await paused;
  return consumer;
}

const states: Readonly<Record<string, Enter>> = {
  async connecting(client, { proxy }) {
    proxy.hold();
    const consumer = unopened(client, { channels: "a" });
    const waiting = [consumer.open(), consumer.subscribe("b"), consumer.receive()];
    await eventually(() => expect(proxy.open).toBe(1));
    return { consumer, waiting, mend: () => proxy.heal() };
  },
  async subscribing(client, { proxy }) {
    const consumer = await open(client);
    proxy.rewriteCommands(swallow);
    const waiting = [consumer.subscribe(names("b", 50)), consumer.messages({ until: "closed" }).next()];
    return { consumer, waiting, mend: () => proxy.heal() };
  },
  async resubscribing(client, { proxy }) {
    const consumer = await open(client, { channels: names("c", 50), retryPolicy: constantDelay({ delay: 1 }) });
    let asked = false;
    proxy.rewriteCommands((words) => {
      asked ||= words[0] === "SUBSCRIBE";
      return swallow(words);
    });
    proxy.cut();
    await eventually(() => expect(asked).toBe(true), { interval: 2 });
    return { consumer, waiting: [consumer.receive({ timeout: 60_000 })], mend: () => proxy.heal() };
  },
  async "backing off"(client, stage) {
    const consumer = await cut(client, stage);
    stage.proxy.refuse();
    return { consumer, waiting: [consumer.subscribe("b"), consumer.unsubscribe("a")], mend: () => stage.proxy.heal() };
  },
  async live(client) {
    const consumer = await open(client, { channels: names("c", 50), patterns: "p*" });
    return { consumer, waiting: [consumer.getMessage({ timeout: 60_000 }), consumer.receive({ timeout: 60_000 })] };
  },
  async paused(client) {
    return { consumer: await full(client, {}) };
  },
  async "paused with handlers at work"(client) {
    return { consumer: await full(client, { channels: [], channelHandlers: { a: () => new Promise(() => {}) } }) };
  },
  async "with handlers at work that end"(client) {
    let begun = 0;
    const consumer = await open(client, {
      channels: [],
      channelHandlers: { a: () => new Promise((resolve) => setTimeout(resolve, ++begun)) },
    });
    await Promise.all([client.publish("a", "1"), client.publish("a", "2")]);
    await eventually(() => expect(begun).toBeGreaterThan(0), { interval: 1 });
    return { consumer };
  },
  async failed(client, { server, proxy }) {
    const consumer = await open(client, { retryPolicy: () => null });
    consumer.on("error", () => {});
    proxy.cut();
    await eventually(() => expect(consumer.state).toBe("failed"), { interval: 2 });
    expect(server.port).toBeGreaterThan(0);
    return { consumer };
  },
  async "shared, beside another"(client) {
    const other = await client.subscribe("a", async () => {});
    const consumer = await client.pubsub({ shared: true, channels: ["a", "b"], patterns: "p*" });
    void other;
    return { consumer, waiting: [consumer.subscribe("c"), consumer.receive()] };
  },
};

describe.each(["close", "drain"] as const)("%s, a hundred times", (how) => {
  let stage: Stage;

  beforeAll(async () => {
    const server = await startServer();
    stage = { server, proxy: await startProxy(server.port) };
  });
  afterAll(async () => {
    await stage.proxy.stop();
    await stage.server.stop();
  });

  test.each(Object.entries(states))("%s, leaves nothing behind", { timeout: 60_000 }, async (_state, enter) => {
    using watch = watchResources();
    const made: WeakRef<object>[] = [];
    for (let cycle = 0; cycle < CYCLES; cycle++) await play(enter, cycle, made);
    await watch.expectNone();
    // The server learns of a socket's end a little later than the client.
    await eventually(async () => {
      const left = (await clientList(stage.server.control)).filter(({ user }) => user !== CONTROL_USER);
      expect(left).toEqual([]);
    });
    // All but the last of them, which the stack may still show.
    await eventually(async () => {
      await heapUsed();
      expect(made.filter((one) => one.deref() !== undefined).length).toBeLessThanOrEqual(2);
    });
    expect(made).toHaveLength(2 * CYCLES);
  });

  /** One cycle: a client and a consumer in the state, and its end. */
  async function play(enter: Enter, cycle: number, made: WeakRef<object>[]): Promise<void> {
    const client = new Redis({
      host: "127.0.0.1",
      port: stage.proxy.port,
      protocol: cycle % 2 === 0 ? 3 : 2,
      retryPolicy: constantDelay({ delay: 1 }),
    });
    client.on("error", () => {});
    const { consumer, waiting = [], mend } = await enter(client, stage);
    made.push(new WeakRef(client), new WeakRef(consumer));
    const told = Promise.allSettled(waiting);
    await deadline(how === "close" ? consumer.close() : consumer.drain({ timeout: DRAIN }), LIMIT, `the ${how}`);
    expect([consumer.closed, consumer.channels.size]).toEqual([true, 0]);
    await deadline(told, LIMIT, "what waits to be told");
    await deadline(client.close(), LIMIT, "the client to close");
    await mend?.();
    await eventually(() => expect(stage.proxy.open).toBe(0), { interval: 1 });
  }
});

import { setTimeout as delay } from "node:timers/promises";
import type { Client } from "tidings";
import { killSubscriber } from "./kill.ts";
import { Ledger } from "./ledger.ts";
import { count, say, show } from "./print.ts";
import { publishAtFullSpeed } from "./publisher.ts";
import type { Stage } from "./stage.ts";
import { within } from "./wait.ts";
import { watch } from "./watch.ts";

/** What happened: a ledger for each publisher, and how long each loss of the connection lasted. */
export interface Story {
  readonly ledgers: ReadonlyMap<string, Ledger>;
  /** Milliseconds from each loss until every subscription was confirmed again. */
  readonly outages: readonly number[];
}

const KILLS = 2;
/** Milliseconds of publishing before, between and after the kills. */
const STRETCH = 3000;
/** Milliseconds for a connection to come back, and for the last messages to arrive. */
const PATIENCE = 15_000;

/** Two publishers, one consumer with handlers, and a connection that is killed in the middle of it. */
export async function outages(stage: Stage): Promise<Story> {
  const { name, short } = stage;
  const orders = new Ledger();
  const metrics = new Ledger();
  const clientName = `${stage.prefix}-subscriber`;

  await using admin = stage.client();
  await using alice = stage.client();
  await using bob = stage.client();
  await using subscriber = stage.client({ clientName });
  await using consumer = await subscriber.pubsub({
    channelHandlers: { [name("orders")]: (message) => orders.receive(Number(message.data)) },
    patternHandlers: { [name("metrics.*")]: (message) => metrics.receive(Number(message.data)) },
  });
  const ledgers = new Map([
    [name("orders"), orders],
    [name("metrics.*"), metrics],
  ]);
  const watching = watch(consumer, ledgers, short);

  say("Alice publishes to orders, Bob to metrics.cpu. One handler takes orders, another takes metrics.*");
  const stop = new AbortController();
  const publishing = Promise.all([
    publishAtFullSpeed((data) => alice.publish(name("orders"), data), orders, stop.signal),
    publishAtFullSpeed((data) => bob.publish(name("metrics.cpu"), data), metrics, stop.signal),
  ]);
  publishing.catch(() => {}); // awaited below, where a failure is told
  const progress = setInterval(() => {
    const [published, received] = [orders.published + metrics.published, orders.received + metrics.received];
    say(`${count(published)} published, ${count(received)} received`);
  }, 1000);

  try {
    await delay(STRETCH);
    for (let kill = 1; kill <= KILLS; kill++) {
      await killOnce(`kill ${kill} of ${KILLS}`, admin, clientName, watching.outages);
      await delay(STRETCH);
    }
  } finally {
    clearInterval(progress);
    stop.abort();
    await publishing;
  }

  say("Alice and Bob have stopped; waiting for their last messages");
  await within(PATIENCE, () => orders.caughtUp && metrics.caughtUp); // if they never come, the sums will tell
  await consumer.close();
  await watching.ended;
  return {
    ledgers: new Map([
      ["Alice", orders],
      ["Bob", metrics],
    ]),
    outages: watching.outages,
  };
}

/** Kills the subscriber's connection and waits until all is restored. */
async function killOnce(label: string, admin: Client, clientName: string, outages: readonly number[]): Promise<void> {
  const before = outages.length;
  say(`Killing the consumer's connection on the server (CLIENT KILL ID, ${label})`);
  const refusal = await killSubscriber(admin, clientName);
  if (refusal !== null) {
    show(`not killed: ${refusal}; the demo goes on without it`);
  } else if (!(await within(PATIENCE, () => outages.length > before))) {
    throw new Error(`The subscriptions were not restored within ${PATIENCE / 1000} s.`);
  }
}

import fc from "fast-check";
import "../support/seeded.ts";
import { constantDelay, type Overflow, type PubSub, Redis } from "tidings";
import { afterAll, beforeAll, expect, test } from "vitest";
import { deadline, eventually } from "../support/eventually.ts";
import { type FakeServer, startFakeServer } from "../support/fake-server.ts";
import { watchResources } from "../support/resource-watch.ts";
import { fuzz, fuzzTimeout } from "./fuzz.ts";

/** What somebody does: the user, or the server. */
interface Act {
  readonly what: keyof typeof acts;
  readonly names: readonly string[];
  readonly number: number;
}

/** One play: a consumer, and what happens to it. */
interface Play {
  readonly protocol: 2 | 3;
  readonly limit: number;
  readonly overflow: Overflow;
  readonly shared: boolean;
  readonly acts: readonly Act[];
}

/** Promises that settle some time, and may reject before anybody looks. */
class Calls {
  readonly all: Promise<unknown>[] = [];

  push(call: Promise<unknown>): void {
    call.catch(() => {});
    this.all.push(call);
  }
}

/** The stage of a play. */
interface Stage {
  readonly client: Redis;
  readonly consumer: PubSub;
  readonly server: FakeServer;
  /** What the user waits for. */
  readonly calls: Calls;
  /** Messages that a handler or a reader got. */
  taken: number;
}

/** Names that begin so are denied. */
const DENIED = "no";
let server: FakeServer;
let swallows = false;

const later = () => new Promise<void>((resolve) => setImmediate(resolve));

const acts = {
  subscribe: ({ consumer, calls }: Stage, { names }: Act) => calls.push(consumer.subscribe(names)),
  psubscribe: ({ consumer, calls }: Stage, { names }: Act) => calls.push(consumer.psubscribe(names)),
  handle(stage: Stage, { names, number }: Act) {
    const handler = (): unknown => {
      stage.taken++;
      if (number % 3 === 0) throw new Error("a handler that fails");
      return number % 3 === 1 ? later() : null;
    };
    stage.calls.push(stage.consumer.subscribe(names, handler));
  },
  unsubscribe: ({ consumer, calls }: Stage, { names }: Act) => calls.push(consumer.unsubscribe(...names)),
  punsubscribe: ({ consumer, calls }: Stage) => calls.push(consumer.punsubscribe()),
  read: (stage: Stage, { number }: Act) => read(stage, number),
  retry: ({ consumer, calls }: Stage) => calls.push(consumer.retry()),
  drain: ({ consumer, calls }: Stage, { number }: Act) =>
    number % 8 === 0 && calls.push(consumer.drain({ timeout: number % 20 })),
  close: ({ consumer, calls }: Stage, { number }: Act) => number % 8 === 0 && calls.push(consumer.close()),
  rest: () => later(),
  // What the server does.
  publish({ server: { publish } }: Stage, { names, number }: Act) {
    for (let i = 0; i <= number % 20; i++) publish.call(server, names[0] as string, `${i}`);
  },
  "message for nobody": (_: Stage, { names }: Act) =>
    say((connection) => connection.push(["message", names[0] ?? "", "x"])),
  "confirmation that nobody asked for": (_: Stage, { names, number }: Act) => {
    const kinds = ["subscribe", "unsubscribe", "psubscribe", "ssubscribe", "sunsubscribe"];
    say((connection) => connection.push([kinds[number % kinds.length] ?? "", names[0] ?? null, number]));
  },
  "unknown push": () => say((connection) => connection.protocol === 3 && connection.push(["invalidate", null])),
  "reply that nobody asked for": (_: Stage, { number }: Act) =>
    say(({ write }, it) => write.call(it, `:${number}\r\n`)),
  error: () => say(({ write }, it) => write.call(it, "-ERR out of the blue\r\n")),
  garbage: (_: Stage, { number }: Act) => say(({ write }, it) => write.call(it, `\x00${number}garbage\r\n`)),
  "half a frame": () => say(({ write }, it) => write.call(it, "$100\r\nhalf")),
  end: () => say((connection) => connection.end()),
  reset: () => say((connection) => connection.reset()),
  "swallow commands": (_: Stage, { number }: Act) => {
    swallows = number % 4 === 0;
  },
} as const;

type Speaker = FakeServer["latest"];

function say(what: (connection: Speaker, same: Speaker) => unknown): void {
  const [connection] = server.connections.filter(({ subscribed }) => subscribed > 0);
  if (connection !== undefined) what(connection, connection);
}

/** Takes what is there, up to a number. */
async function read(stage: Stage, most: number): Promise<void> {
  for (let i = 0; i <= most % 10; i++) {
    const item = await stage.consumer.getMessage({ timeout: 0 }).catch(() => null);
    if (item?.type === "message" || item?.type === "pmessage") stage.taken++;
  }
}

const plays: fc.Arbitrary<Play> = fc.record({
  protocol: fc.constantFrom(2, 3),
  limit: fc.integer({ min: 1, max: 20 }),
  overflow: fc.constantFrom("pause", "drop-oldest", "drop-newest", "error"),
  shared: fc.boolean(),
  acts: fc.array(
    fc.record({
      what: fc.constantFrom(...(Object.keys(acts) as (keyof typeof acts)[])),
      names: fc.array(fc.constantFrom("a", "b", "c", "ab", "", `${DENIED}1`), { minLength: 1, maxLength: 4 }),
      number: fc.nat(1000),
    }),
    { maxLength: 40 },
  ),
});

async function perform(play: Play): Promise<void> {
  swallows = false;
  await using client = new Redis(server.url, { protocol: play.protocol, retryPolicy: constantDelay({ delay: 1 }) });
  client.on("error", () => {});
  const overflow = play.shared && play.overflow === "pause" ? "drop-oldest" : play.overflow;
  const consumer = await client.pubsub({
    shared: play.shared,
    subscriptionTimeout: 20,
    unsubscriptionTimeout: 10,
    buffer: { limit: play.limit, overflow },
  });
  consumer.on("error", () => {});
  const stage: Stage = { client, consumer, server, calls: new Calls(), taken: 0 };
  for (const act of play.acts) {
    await acts[act.what](stage, act);
    await later();
  }
  swallows = false;
  if (consumer.state !== "closed" && consumer.state !== "failed" && !play.acts.some(({ what }) => what === "drain")) {
    // An error out of the blue is taken for the answer to a command, which the server then carries out all the same.
    await settle(stage, !play.acts.some(({ what }) => what === "error"));
  }
  await deadline(consumer.close(), 5000, "the close");
  await deadline(Promise.allSettled(stage.calls.all), 5000, "every call to settle");
  const { received, delivered, dropped, pending, refused } = consumer.stats();
  expect([delivered, pending, refused]).toEqual([stage.taken, 0, 0]);
  expect(received).toBe(delivered + dropped);
  await deadline(client.close(), 5000, "the client to close");
}

/** With a server that behaves, all comes to rest: live, with what is wanted and not denied, and nothing else. */
async function settle(stage: Stage, exact: boolean): Promise<void> {
  const { consumer } = stage;
  await eventually(
    async () => {
      await read(stage, 9);
      if (consumer.state === "failed") return;
      expect(consumer.state).toBe("live");
      const wanted = (kind: "channels" | "patterns") =>
        [...consumer[kind].keys()].filter((name) => !consumer.denied.has(name));
      const held = (kind: "" | "p") => server.connections.flatMap(({ subscriptions }) => [...subscriptions[kind]]);
      const missing = [...wanted("channels")].filter((name) => !held("").includes(name));
      expect(missing.concat(wanted("patterns").filter((name) => !held("p").includes(name)))).toEqual([]);
      if (exact)
        expect([held("").length, held("p").length]).toEqual([wanted("channels").length, wanted("patterns").length]);
    },
    { timeout: 2000, interval: 2 },
  );
}

beforeAll(async () => {
  server = await startFakeServer();
  for (const name of ["SUBSCRIBE", "PSUBSCRIBE"]) {
    server.handle(name, (command, connection) => {
      if (command.args.some((arg) => arg.startsWith(DENIED))) {
        connection.write("-NOPERM this user has no permissions to access one of the channels\r\n");
      } else if (!swallows) {
        server.respond(command, connection);
      }
    });
  }
});
afterAll(() => server.stop());

test("whatever users and servers do, every call settles and every message is accounted for", {
  timeout: fuzzTimeout,
}, async () => {
  using watch = watchResources();
  await fuzz("plays of a consumer", plays, perform, { runs: 200, slice: 100 });
  await watch.expectNone();
});

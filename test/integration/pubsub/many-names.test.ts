import { expect, test } from "vitest";
import { killSubscribers } from "../../support/clients.ts";
import { deadline, eventually } from "../../support/eventually.ts";
import { sequence } from "../../support/random.ts";
import { type Bench, onEveryKind, PATIENCE, rejection } from "./fixtures.ts";

const COUNT = 12_000;
/** So many names at most are entered in one turn of the event loop. */
const SLICE = 2_100;
const names = (prefix: string, count = COUNT): string[] => Array.from({ length: count }, (_, n) => `${prefix}${n}`);
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const patient = { ignoreSubscribeMessages: true, subscriptionTimeout: PATIENCE, unsubscriptionTimeout: PATIENCE };
const LONG = 60_000;

onEveryKind("very many names", (bench) => {
  const all = (promises: readonly Promise<unknown>[]) => deadline(Promise.all(promises), LONG, "all calls to settle");

  test("are subscribed a slice in each turn, and a live channel is heard meanwhile", { timeout: LONG }, async () => {
    const consumer = await bench.consumer({ ...patient, channels: "live" });
    let done = false;
    const subscribed = consumer.subscribe(names("n")).then(() => {
      done = true;
    });
    const sizes = [consumer.channels.size];
    const watched = (async () => {
      for (; !done; await turn()) sizes.push(consumer.channels.size);
    })();
    for (let heard = 0; !done || heard === 0; heard++) {
      await bench.publish("live", String(heard));
      expect(await consumer.receive({ timeout: PATIENCE })).toMatchObject({ data: String(heard) });
    }
    await Promise.all([subscribed, watched]);
    expect(Math.max(...sizes.slice(1).map((size, i) => size - (sizes[i] ?? 0)))).toBeLessThan(SLICE);
    expect(consumer.channels.size).toBe(COUNT + 1);
    await bench.truth({ channels: [...names("n"), "live"] });
  });

  test("an unsubscribe midway wins, for some of the names and for all", { timeout: LONG }, async () => {
    const consumer = await bench.consumer({ ...patient, channels: "live" });
    const last = names("n").slice(-3);
    const calls = [consumer.subscribe(names("n")), consumer.unsubscribe(last), consumer.subscribe(last[1] ?? "")];
    await turn();
    calls.push(consumer.unsubscribe(names("n").slice(0, 5000)));
    await all(calls);
    const left = [...names("n").slice(5000, -3), last[1] ?? "", "live"];
    expect(consumer.channels.size).toBe(left.length);
    await bench.truth({ channels: left });
    const again = [consumer.subscribe(names("m")), consumer.unsubscribe(), consumer.subscribe("end")];
    await all(again);
    expect([...consumer.channels.keys()]).toEqual(["end"]);
    await bench.truth({ channels: ["end"] });
  });

  test("a handler asked for later holds, though its name waits to be entered", { timeout: LONG }, async () => {
    const consumer = await bench.consumer(patient);
    const heard: string[] = [];
    const note =
      (by: string) =>
      ({ data }: { readonly data: string }) =>
        heard.push(`${by} ${data}`);
    await all([consumer.subscribe(names("n"), note("first")), consumer.subscribe(`n${COUNT - 1}`, note("second"))]);
    await bench.publish(`n${COUNT - 1}`, "x");
    await bench.publish("n0", "y");
    await eventually(() => expect(heard).toEqual(["second x", "first y"]));
  });

  test("a loop does not end while names wait to be entered", { timeout: LONG }, async () => {
    const consumer = await bench.consumer(patient);
    const calls = [consumer.subscribe(names("n")), consumer.unsubscribe(names("n", 4000))];
    const next = consumer[Symbol.asyncIterator]().next();
    await all(calls);
    await bench.publish(`n${COUNT - 1}`, "x");
    expect(await next).toMatchObject({ value: { data: "x" } });
  });

  test("closing and aborting midway leave nothing", { timeout: LONG }, async () => {
    const consumer = await bench.consumer({ ...patient, channels: "live" });
    const abort = new AbortController();
    const aborted = rejection(consumer.subscribe(names("n"), { signal: abort.signal }));
    await turn();
    abort.abort(new Error("no more"));
    expect(await aborted).toMatchObject({ message: "no more" });
    expect([...consumer.channels.keys()]).toEqual(["live"]);
    await bench.truth({ channels: ["live"] });
    const closed = rejection(consumer.subscribe(names("m")));
    const waiting = rejection(consumer.subscribe("behind"));
    await consumer.close();
    expect(await closed).toMatchObject({ code: "CLOSED" });
    expect(await waiting).toMatchObject({ code: "CLOSED" });
    await bench.truth({ channels: [] });
  });

  test("calls at random, and killed connections, end in what was asked last", { timeout: LONG }, async () => {
    const random = sequence(20_261_201);
    const consumer = await bench.consumer(patient);
    const wanted = new Set<string>();
    const calls: Promise<void>[] = [];
    for (let i = 0; i < 14; i++) {
      const from = random(8000);
      const some = names("n").slice(from, from + 1 + random(6000));
      if (random(3) > 0) {
        for (const name of some) wanted.add(name);
        calls.push(consumer.subscribe(some));
      } else {
        for (const name of some) wanted.delete(name);
        calls.push(consumer.unsubscribe(some));
      }
      if (random(4) === 0) await killSubscribers(bench.control);
      for (let turns = random(5); turns > 0; turns--) await turn();
    }
    await all(calls);
    expect(new Set(consumer.channels.keys())).toEqual(wanted);
    await eventually(() => expect(consumer.state).toBe("live"), { timeout: LONG });
    await bench.truth({ channels: [...wanted] });
  });

  test("what is asked while a restoration goes on holds", { timeout: LONG }, async () => {
    const consumer = await bench.consumer({ ...patient, channels: names("n") });
    await killSubscribers(bench.control);
    await eventually(() => expect(consumer.state).toBe("reconnecting"), { interval: 1 });
    const calls: Promise<void>[] = [];
    for (let i = 0; consumer.state !== "live" && i < 40; i++) {
      calls.push(consumer.unsubscribe(`n${COUNT - 1 - i}`), consumer.subscribe(`m${i}`));
      await turn();
    }
    await all(calls);
    await eventually(() => expect(consumer.state).toBe("live"), { timeout: LONG });
    await bench.truth({ channels: [...consumer.channels.keys()] as string[] });
  });
});

onEveryKind(
  "very many names of a shared consumer",
  (bench: Bench) => {
    test("are subscribed and unsubscribed like its own", { timeout: LONG }, async () => {
      const client = bench.client();
      const one = await client.pubsub({ ...patient, shared: true, channels: names("n") });
      const other = await client.pubsub({ ...patient, shared: true, channels: ["n1", "x"] });
      const calls = [one.subscribe(names("m")), one.unsubscribe(names("m").slice(-2)), one.unsubscribe("n1")];
      await deadline(Promise.all(calls), LONG, "all calls to settle");
      await bench.truth({ channels: [...names("n"), ...names("m").slice(0, -2), "x"] });
      await one.close();
      await bench.truth({ channels: ["n1", "x"] });
      await other.close();
    });
  },
  { kinds: ["server", "shards"] },
);

import { type Message, type PubSub, type Redis, ServerError } from "tidings";
import { expect, test } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { type Bench, leftOver, message, nextItems, onEveryKind, rejection } from "./fixtures.ts";

/** A client of a user who may subscribe to `ok` and what begins with `ok:`, and to the pattern `ok:*`. */
async function limited(bench: Bench): Promise<Redis> {
  await bench.control.command("ACL", "SETUSER", "limited", "reset", "on", ">p", "+@all", "&ok", "&ok:*");
  return bench.client({ username: "limited", password: "p" });
}

async function denial(promise: Promise<unknown>): Promise<{ code: string; names: unknown[]; command: string | null }> {
  const error = await rejection(promise);
  expect(error).toBeInstanceOf(ServerError);
  const { code, names, command } = error as ServerError;
  return { code, names: [...names].sort(), command };
}

/** What a consumer wants; one of shard channels has no patterns. */
const wanted = ({ channels, patterns = new Map() }: Pick<PubSub, "channels" | "patterns">): unknown[] => [
  ...channels.keys(),
  ...patterns.keys(),
];

const withRules: typeof onEveryKind = (title, scenarios) => onEveryKind(title, scenarios, { needs: "channelRules" });

withRules("a subscribe that the server denies", (bench) => {
  test("leaves no state, and lists the denied names", async () => {
    // Shard channels have a connection as long as there are any.
    const consumer = await (await limited(bench)).pubsub({ channels: "ok" });
    await nextItems(consumer, 1);
    expect(await denial(consumer.subscribe("no:1", "ok:1", "no:2", "ok:2"))).toEqual({
      code: "NOPERM",
      names: ["no:1", "no:2"],
      command: bench.patterns ? "SUBSCRIBE" : "SSUBSCRIBE",
    });
    expect([wanted(consumer), consumer.denied.size]).toEqual([["ok"], 0]);
    expect(consumer.state).toBe("live");
    await bench.truth({ channels: ["ok"] });
    expect(await leftOver(consumer)).toEqual([]);
    await consumer.subscribe("ok:1");
    expect(await leftOver(consumer)).toEqual([bench.confirmation("subscribe", "ok:1", 2)]);
  });

  test("the same with the first call of all, which waits for its connection", async () => {
    const consumer = await (await limited(bench)).pubsub();
    const { names } = await denial(consumer.subscribe("no:1", "ok:1", "no:2", "ok:2"));
    expect(names).toEqual(["no:1", "no:2"]);
    expect([consumer.subscribed, consumer.state]).toEqual([false, "live"]);
    await bench.truth({});
  });

  test.runIf(bench.patterns)("the same with one name, and with patterns", async () => {
    const consumer = await (await limited(bench)).pubsub({ patterns: "ok:*" });
    expect(await denial(consumer.subscribe("no"))).toMatchObject({ names: ["no"] });
    expect(await denial(consumer.psubscribe(["ok:1*", "ok:*", "*"]))).toEqual({
      code: "NOPERM",
      names: ["*", "ok:1*"],
      command: "PSUBSCRIBE",
    });
    expect(wanted(consumer)).toEqual(["ok:*"]);
    await bench.truth({ patterns: ["ok:*"] });
  });

  test("names wanted earlier stay", async () => {
    const consumer = await (await limited(bench)).pubsub({ channels: ["ok:1", "ok:2"], ignoreSubscribeMessages: true });
    await denial(consumer.subscribe("ok:2", "ok:3", "no"));
    expect(wanted(consumer)).toEqual(["ok:1", "ok:2"]);
    await bench.truth({ channels: ["ok:1", "ok:2"] });
    await bench.publish("ok:2", "1");
    expect(await consumer.receive({ timeout: 5000 })).toEqual(message("ok:2", "1"));
  });

  test("names that another pending call wants stay", async () => {
    const consumer = await (await limited(bench)).pubsub();
    const [refused] = await Promise.all([
      denial(consumer.subscribe("ok:1", "ok:2", "no")),
      consumer.subscribe("ok:2"),
      consumer.subscribe("ok:3"),
    ]);
    expect(refused.names).toEqual(["no"]);
    expect(wanted(consumer).sort()).toEqual(["ok:2", "ok:3"]);
    await bench.truth({ channels: ["ok:2", "ok:3"] });
  });

  test("in calls that race in one tick only the guilty reject", async () => {
    const consumer = await (await limited(bench)).pubsub();
    const calls = Array.from({ length: 20 }, (_, n) =>
      consumer.subscribe(n % 5 === 0 ? `no:${n}` : `ok:${n}`, `ok:${n}b`),
    );
    const outcomes = await Promise.allSettled(calls);
    expect(outcomes.map(({ status }) => status)).toEqual(calls.map((_, n) => (n % 5 === 0 ? "rejected" : "fulfilled")));
    const names = calls.flatMap((_, n) => (n % 5 === 0 ? [] : [`ok:${n}`, `ok:${n}b`]));
    expect(wanted(consumer)).toEqual(names);
    await bench.truth({ channels: names });
  });

  test("in calls made before the connection was up, merged into one batch, only the guilty reject", async () => {
    const client = await limited(bench);
    const consumer = bench.make(client, { channels: "ok" });
    const calls = [
      consumer.subscribe("ok:1"),
      denial(consumer.subscribe("no:1", "ok:2")),
      consumer.subscribe("ok:3", "ok:1"),
      denial(consumer.subscribe("no:2", "no:1", "ok:3")),
      denial(bench.patterns ? consumer.psubscribe("*", "ok:*") : consumer.subscribe("*", "ok:4")),
    ];
    await consumer.open();
    const [, first, , second, third] = await Promise.all(calls);
    expect([first?.names, second?.names, third?.names]).toEqual([["no:1"], ["no:1", "no:2"], ["*"]]);
    expect(wanted(consumer).sort()).toEqual(["ok", "ok:1", "ok:3"]);
    await bench.truth({ channels: ["ok", "ok:1", "ok:3"] });
    expect(consumer.denied.size).toBe(0);
  });

  test("restores the handlers that it had replaced", async () => {
    const seen: string[] = [];
    const [first, second] = [
      ({ data }: Message) => seen.push(`first ${data}`),
      ({ data }: Message) => seen.push(`second ${data}`),
    ];
    const consumer = await (await limited(bench)).pubsub({ channelHandlers: { ok: first } });
    await denial(consumer.subscribe({ ok: second, no: second }));
    expect(consumer.channels.get("ok")).toBe(first);
    await bench.publish("ok", "1");
    await eventually(() => expect(seen).toEqual(["first 1"]));
    await denial(consumer.subscribe(["ok", "no"]));
    expect(consumer.channels.get("ok")).toBe(first);
    await denial(consumer.subscribe(["no", "ok"], second));
    await consumer.subscribe("ok", second);
    expect(consumer.channels.get("ok")).toBe(second);
  });

  test("a later call's handler is not undone by an earlier call's failure", async () => {
    const [first, second, third] = [() => 1, () => 2, () => 3];
    const consumer = await (await limited(bench)).pubsub({ channelHandlers: { ok: first } });
    await Promise.all([denial(consumer.subscribe({ ok: second, no: second })), consumer.subscribe("ok", third)]);
    expect(consumer.channels.get("ok")).toBe(third);
  });

  test("two failing calls in a row restore the first handler", async () => {
    const [first, second, third] = [() => 1, () => 2, () => 3];
    const consumer = await (await limited(bench)).pubsub({ channelHandlers: { ok: first } });
    await Promise.all([
      denial(consumer.subscribe({ ok: second, no: second })),
      denial(consumer.subscribe({ ok: third, no: third })),
    ]);
    expect(consumer.channels.get("ok")).toBe(first);
  });

  test("of two thousand names the two denied ones are found", async () => {
    const consumer = await (await limited(bench)).pubsub({ ignoreSubscribeMessages: true });
    const names = Array.from({ length: 2000 }, (_, n) => (n === 7 || n === 1500 ? `no:${n}` : `ok:${n}`));
    expect((await denial(consumer.subscribe(names))).names).toEqual(["no:1500", "no:7"]);
    expect(consumer.subscribed).toBe(false);
    await bench.truth({});
  });

  test("the connection is clean afterwards and serves the next consumer", async () => {
    const client = await limited(bench);
    const consumer = await client.pubsub({ channels: "ok" });
    const [before] = await bench.connections();
    await denial(consumer.subscribe("ok:1", "no"));
    await bench.truth({ channels: ["ok"] });
    await consumer.close();
    const next = await client.pubsub({ channels: "ok:2" });
    expect((await bench.connections()).map(({ id }) => id)).toEqual([before?.id]);
    await bench.publish("ok:2", "1");
    expect(await next.receive({ timeout: 5000 })).toEqual(message("ok:2", "1"));
  });
});

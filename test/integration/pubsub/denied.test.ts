import { type Redis, ServerError } from "tidings";
import { expect, test } from "vitest";
import { killSubscribers } from "../../support/clients.ts";
import { eventually } from "../../support/eventually.ts";
import { type Bench, message, onEveryKind, patternMessage, receiveMany, rejection } from "./fixtures.ts";

/** What the user of these scenarios may subscribe to from now on; the server drops connections that have more. */
async function permit(bench: Bench, ...names: string[]): Promise<void> {
  const rules = names.map((name) => `&${name}`);
  await bench.control.command("ACL", "SETUSER", "watched", "on", ">p", "+@all", "resetchannels", ...rules);
}

async function client(bench: Bench): Promise<Redis> {
  await permit(bench, "a", "b", "c", "p*");
  return bench.client({ username: "watched", password: "p", retryPolicy: () => 10 });
}

const withRules: typeof onEveryKind = (title, scenarios) => onEveryKind(title, scenarios, { needs: "channelRules" });

withRules("names denied while subscriptions are restored", (bench) => {
  test("stay wanted, are listed and told once, and the rest lives", async () => {
    const consumer = await (await client(bench)).pubsub({ channels: ["a", "b", "c"], patterns: "p*" });
    const told: ServerError[] = [];
    consumer.on("denied", (error) => told.push(error));
    await permit(bench, "b");
    await bench.truth({ channels: ["b"] });
    const denied = bench.patterns ? ["a", "c", "p*"] : ["a", "c"];
    await eventually(() => expect([...consumer.denied.keys()].sort()).toEqual(denied));
    expect(consumer.denied.get("a")).toBeInstanceOf(ServerError);
    expect([consumer.denied.get("a")?.code, consumer.denied.has("b")]).toEqual(["NOPERM", false]);
    expect([...consumer.channels.keys()]).toEqual(["a", "b", "c"]);
    if (bench.patterns) expect([...consumer.patterns.keys()]).toEqual(["p*"]);
    await eventually(() => expect(consumer.state).toBe("live"));
    expect(told.flatMap(({ names }) => names).sort()).toEqual(denied);
    await bench.publish("b", "1");
    expect(await receiveMany(consumer, 1)).toEqual([message("b", "1")]);
    await killSubscribers(bench.control);
    await bench.truth({ channels: ["b"] });
    await eventually(() => expect(consumer.state).toBe("live"));
    expect(told.flatMap(({ names }) => names)).toHaveLength(denied.length);
  });

  test("come back with the next restoration that grants them", async () => {
    const consumer = await (await client(bench)).pubsub({ channels: ["a", "b"], ignoreSubscribeMessages: true });
    await permit(bench, "b");
    await eventually(() => expect([...consumer.denied.keys()]).toEqual(["a"]));
    await bench.truth({ channels: ["b"] });
    await permit(bench, "a", "b");
    await killSubscribers(bench.control);
    await bench.truth({ channels: ["a", "b"] });
    await eventually(() => expect(consumer.denied.size).toBe(0));
  });

  test("are asked for again by retry, which says how it went", async () => {
    const consumer = await (await client(bench)).pubsub({ channels: ["a", "b"], patterns: "p*" });
    await permit(bench, "b");
    const denied = bench.patterns ? ["a", "p*"] : ["a"];
    await eventually(() => expect([...consumer.denied.keys()].sort()).toEqual(denied));
    await eventually(() => expect(consumer.state).toBe("live"));
    const error = await rejection(consumer.retry());
    expect(error).toBeInstanceOf(ServerError);
    expect([...(error as ServerError).names].sort()).toEqual(denied);
    expect([consumer.denied.size, consumer.channels.size]).toEqual([denied.length, 2]);
    if (bench.patterns) expect(consumer.patterns.size).toBe(1);
    await permit(bench, "a", "b", "p*");
    await consumer.retry();
    expect(consumer.denied.size).toBe(0);
    await bench.truth({ channels: ["a", "b"], patterns: ["p*"] });
    await bench.publish(bench.patterns ? "pp" : "a", "1");
    expect(await receiveMany(consumer, 1)).toEqual([
      bench.patterns ? patternMessage("p*", "pp", "1") : message("a", "1"),
    ]);
  });

  test("retry with nothing denied resolves", async () => {
    const consumer = await (await client(bench)).pubsub({ channels: "a" });
    await consumer.retry();
    expect(consumer.state).toBe("live");
    await bench.truth({ channels: ["a"] });
  });

  test("are forgotten when they are unsubscribed", async () => {
    const consumer = await (await client(bench)).pubsub({ channels: ["a", "b"] });
    await permit(bench, "b");
    await eventually(() => expect(consumer.denied.size).toBe(1));
    await eventually(() => expect(consumer.state).toBe("live"));
    await consumer.unsubscribe("a");
    expect([consumer.denied.size, [...consumer.channels.keys()]]).toEqual([0, ["b"]]);
    await bench.truth({ channels: ["b"] });
  });

  test("a subscribe to one that is denied still rejects, and it stays wanted", async () => {
    const consumer = await (await client(bench)).pubsub({ channels: ["a", "b"] });
    await permit(bench, "b");
    await eventually(() => expect(consumer.denied.size).toBe(1));
    await eventually(() => expect(consumer.state).toBe("live"));
    const error = await rejection(consumer.subscribe("a"));
    expect((error as ServerError).names).toEqual(["a"]);
    expect(consumer.channels.has("a")).toBe(true);
    await permit(bench, "a", "b");
    await consumer.subscribe("a");
    expect(consumer.denied.size).toBe(0);
    await bench.truth({ channels: ["a", "b"] });
  });
});

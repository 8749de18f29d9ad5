import { type Gap, ServerError } from "tidings";
import { expect, test } from "vitest";
import { killSubscribers, subscriberClients } from "../support/clients.ts";
import { eventually } from "../support/eventually.ts";
import { expectServerTruth } from "../support/server-truth.ts";
import { type Bench, names, nextData, onEveryProtocol, QUICK, rejection } from "./fixtures.ts";

const channels = names("c", 50);

/** What the user of these scenarios may subscribe to; the server drops its connections that have more. */
async function permit(bench: Bench, allowed: readonly string[]): Promise<void> {
  const rules = allowed.map((name) => `&${name}`);
  await bench.control.command("ACL", "SETUSER", "reader", "on", ">p", "+@all", "resetchannels", ...rules);
}

const login = { username: "reader", password: "p" };

// Rows 21 and 22.
const withRules: typeof onEveryProtocol = (title, scenarios) =>
  onEveryProtocol(title, scenarios, { needs: "channelRules" });

withRules("a name that the server denies", (bench) => {
  test("in a restore of 50 stays wanted, is told once, and the other 49 live", async () => {
    await permit(bench, channels);
    const client = bench.proxied(login);
    const consumer = await client.pubsub({ ...QUICK, channels, ignoreSubscribeMessages: true });
    const told: ServerError[] = [];
    consumer.on("denied", (error) => told.push(error));
    const gaps: Gap<string | Buffer>[] = [];
    consumer.on("gap", (gap) => gaps.push(gap));
    const granted = channels.filter((name) => name !== "c17");
    await permit(bench, granted);
    await expectServerTruth(bench.server, { channels: granted });
    await eventually(() => expect(consumer.state).toBe("live"));
    expect([...consumer.channels.keys()]).toEqual(channels);
    expect([...consumer.denied.keys()]).toEqual(["c17"]);
    expect(consumer.denied.get("c17")).toBeInstanceOf(ServerError);
    expect(told.map(({ code, names: denied }) => [code, denied])).toEqual([["NOPERM", ["c17"]]]);
    for (const name of channels) await bench.control.command("PUBLISH", name, name);
    for (const name of granted) expect(await nextData(consumer)).toBe(name);

    // Denied again in the next restoration, which is no news.
    await killSubscribers(bench.control);
    await expectServerTruth(bench.server, { channels: granted });
    await eventually(() => expect(consumer.state).toBe("live"));
    expect(told).toHaveLength(1);
    expect(bench.proxy.accepted).toHaveLength(3);

    expect(await rejection(consumer.retry())).toMatchObject({ code: "NOPERM", names: ["c17"] });
    expect([...consumer.denied.keys()]).toEqual(["c17"]);
    await permit(bench, channels);
    const before = gaps.flatMap(({ channels: missed }) => missed);
    expect(before).not.toContain("c17");
    expect(before.filter((name) => name === "c18")).toHaveLength(2);
    await consumer.retry();
    expect(consumer.denied.size).toBe(0);
    await expectServerTruth(bench.server, { channels });
    // For this one the window reaches back to the first loss.
    expect(gaps.at(-1)?.channels).toEqual(["c17"]);
    expect(gaps.at(-1)?.from).toBeLessThanOrEqual(gaps[0]?.to ?? 0);
    await bench.control.command("PUBLISH", "c17", "at last");
    expect(await nextData(consumer)).toBe("at last");
  });

  test("in a call of 50 rejects it with that name, and leaves nothing of it", async () => {
    await permit(bench, [...channels.slice(1), "live"]);
    const consumer = await bench.client(login).pubsub({ ...QUICK, channels: ["live", "c1"] });
    const [before] = await subscriberClients(bench.control);
    expect(await rejection(consumer.subscribe(channels))).toMatchObject({ code: "NOPERM", names: ["c0"] });
    expect([...consumer.channels.keys()]).toEqual(["live", "c1"]);
    expect(consumer.denied.size).toBe(0);
    await expectServerTruth(bench.server, { channels: ["live", "c1"] });
    expect((await subscriberClients(bench.control)).map(({ id }) => id)).toEqual([before?.id]);
  });

  test("while a cut comes among the questions who is denied, is found after it", async () => {
    await permit(bench, channels);
    const client = bench.proxied(login);
    const consumer = await client.pubsub({ ...QUICK, channels, ignoreSubscribeMessages: true });
    const told: ServerError[] = [];
    consumer.on("denied", (error) => told.push(error));
    const granted = channels.filter((name) => name !== "c30" && name !== "c40");
    bench.proxy.cutAfterMatch("-NOPERM", 2);
    await permit(bench, granted);
    await eventually(() => expect(bench.proxy.cuts).toBe(1));
    await expectServerTruth(bench.server, { channels: granted });
    await eventually(() => expect(consumer.state).toBe("live"));
    expect([...consumer.denied.keys()].sort()).toEqual(["c30", "c40"]);
    expect(told.flatMap(({ names: denied }) => denied).sort()).toEqual(["c30", "c40"]);
    expect(consumer.channels.size).toBe(50);
  });

  test("all of them: the consumer lives, with all of them denied, and does not loop", async () => {
    await permit(bench, ["a", "b"]);
    const consumer = await bench.proxied(login).pubsub({ ...QUICK, channels: ["a", "b"] });
    await permit(bench, []);
    await eventually(() => expect([consumer.denied.size, consumer.state]).toEqual([2, "live"]));
    expect(bench.proxy.accepted).toHaveLength(2);
    await permit(bench, ["a", "b"]);
    await consumer.retry();
    await expectServerTruth(bench.server, { channels: ["a", "b"] });
  });
});

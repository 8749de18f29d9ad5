import { constantDelay, Redis, ServerError, TimeoutError } from "tidings";
import { describe, expect, test } from "vitest";
import type { ControlClient } from "../support/control-client.ts";
import { deadline, eventually } from "../support/eventually.ts";
import type { FakeCommand, FakeConnection } from "../support/fake-connection.ts";
import { startFakeServer } from "../support/fake-server.ts";
import { lacks } from "../support/server-features.ts";
import { expectServerTruth } from "../support/server-truth.ts";
import { type Bench, nextData, onEveryProtocol, QUICK, rejection } from "./fixtures.ts";
import { Witness } from "./witness.ts";

const rejectionTest = test.skipIf(lacks("errorStats"));
const loadingTest = test.skipIf(lacks("loadingInterval"));

/** A keep-alive that asks often, and is patient. */
const RESTLESS = { ...QUICK, maxIdle: 50, pingTimeout: 5000 };

/** How often the server refused a command because of its own state. */
async function rejections(control: ControlClient, command: string): Promise<number> {
  const info = String(await control.command("INFO", "commandstats"));
  return Number(new RegExp(`cmdstat_${command}:.*rejected_calls=(\\d+)`).exec(info)?.[1] ?? 0);
}

/** Waits until several answers to keep-alives have come through the proxy; none is longer than 200 bytes. */
async function answered(bench: Bench): Promise<void> {
  const before = bench.proxy.bytesToClient;
  await eventually(() => expect(bench.proxy.bytesToClient - before).toBeGreaterThan(5 * 200));
}

/** Has a script run that never ends, and waits until the server says so. */
async function runForever(bench: Bench): Promise<{ readonly ended: Promise<unknown> }> {
  const ended = rejection(bench.server.openControl(60_000).command("EVAL", "while true do end", "0"));
  await eventually(async () => expect(String(await rejection(bench.control.command("ECHO", "x")))).toMatch(/BUSY/));
  return { ended };
}

// Row 10.
onEveryProtocol(
  "a server that is busy with a script without end",
  (bench) => {
    rejectionTest("is alive: its -BUSY to the keep-alive costs no reconnect, and nothing is lost", async () => {
      const witness = await Witness.open(bench.client(), bench.server, { channels: ["a"], handled: ["h"] });
      const consumer = await bench.proxied().pubsub({ ...RESTLESS, channels: "quiet", ignoreSubscribeMessages: true });
      const states: string[] = [];
      for (const it of [witness.consumer, consumer]) it.on("state", (state) => states.push(state));
      await witness.receives(50);
      const { ended } = await runForever(bench);
      await answered(bench);
      await bench.control.command("SCRIPT", "KILL");
      await ended;
      expect(await rejections(bench.control, "ping")).toBeGreaterThanOrEqual(2);
      await witness.receives(50);
      expect(await witness.verify()).toBe(0);
      await bench.control.command("PUBLISH", "quiet", "still there");
      expect(await nextData(consumer)).toBe("still there");
      expect([bench.proxy.accepted.length, states, witness.gaps]).toEqual([1, [], []]);
    });

    rejectionTest("is asked again until it restores what was cut meanwhile", async () => {
      const witness = await Witness.open(bench.proxied(), bench.server, { channels: ["a"], handled: ["h"] });
      await witness.receives(50);
      const { ended } = await runForever(bench);
      bench.proxy.cut();
      await eventually(() => expect(bench.proxy.accepted.length).toBeGreaterThanOrEqual(4));
      expect([witness.consumer.state, witness.consumer.denied.size]).toEqual(["reconnecting", 0]);
      await bench.control.command("SCRIPT", "KILL");
      await ended;
      expect(await rejections(bench.control, "subscribe")).toBeGreaterThanOrEqual(2);
      await expectServerTruth(bench.server, { channels: ["a", "h"] });
      await witness.receives(50);
      await witness.verify();
      expect(witness.gaps).toHaveLength(1);
    });
  },
  // After so many milliseconds a server with a script answers others again.
  { config: ["lua-time-limit 50"] },
);

// Row 11. Loading takes a millisecond for each key, and ends at once when the test says so.
onEveryProtocol(
  "a server that loads its data",
  (bench) => {
    const fill = () => bench.control.command("DEBUG", "POPULATE", "20000");
    const release = () => bench.control.command("CONFIG", "SET", "key-load-delay", "0");
    const loading = async () => /^loading:1/m.test(String(await bench.control.command("INFO", "persistence")));

    loadingTest(
      "after a crash serves its subscribers already, and its -LOADING to a PING is a sign of life",
      async () => {
        await fill();
        await bench.control.command("SAVE");
        const witness = await Witness.open(bench.client(), bench.server, { channels: ["a"], handled: ["h"] });
        const consumer = await bench
          .proxied()
          .pubsub({ ...RESTLESS, channels: "quiet", ignoreSubscribeMessages: true });
        await witness.receives(50);
        await bench.server.kill();
        const starting = bench.server.start();
        await eventually(() => expect([witness.consumer.state, consumer.state]).toEqual(["live", "live"]));
        const attempts = bench.proxy.accepted.length;
        await answered(bench);
        await deadline(bench.client().connect(), 10_000, "a client to connect");
        await witness.receives(50);
        expect(await loading()).toBe(true);
        await release();
        await starting;
        expect(await loading()).toBe(false);
        await witness.receives(50);
        await witness.verify();
        expect(bench.proxy.accepted).toHaveLength(attempts);
        await expectServerTruth(bench.server, { channels: ["a", "h", "quiet"] });
      },
    );

    loadingTest("anew, while everybody is connected, loses nothing and nobody", async () => {
      await fill();
      const witness = await Witness.open(bench.client(), bench.server, { channels: ["a"] });
      const consumer = await bench.proxied().pubsub({ ...RESTLESS, channels: "quiet", ignoreSubscribeMessages: true });
      await witness.receives(50);
      const reloading = bench.server.openControl(60_000).command("DEBUG", "RELOAD");
      await eventually(async () => expect(await loading()).toBe(true));
      await answered(bench);
      await release();
      await reloading;
      expect(await rejections(bench.control, "ping")).toBeGreaterThanOrEqual(2);
      await witness.receives(50);
      expect(await witness.verify()).toBe(0);
      expect([bench.proxy.accepted.length, witness.gaps, consumer.state]).toEqual([1, [], "live"]);
    });
  },
  { config: ["key-load-delay 1000", "loading-process-events-interval-bytes 1024"] },
);

// Row 11. Redis answers HELLO and SUBSCRIBE while it loads; what stands before a server may not.
describe.each([3, 2] as const)("a server that answers -LOADING to everything (RESP%i)", (protocol) => {
  test("is asked again, handshake and all, and never given up", async () => {
    let refusals = 0;
    const refuse = (_: FakeCommand, connection: FakeConnection) => {
      refusals += 1;
      connection.write("-LOADING Redis is loading the dataset in memory\r\n");
    };
    // What a client sends until it is subscribed, one command after the other.
    const commands = ["HELLO", "AUTH", "CLIENT", "SELECT", "PING", "SUBSCRIBE"];
    await using server = await startFakeServer();
    const options = { protocol, password: "secret", db: 1, retryPolicy: constantDelay({ delay: 5 }) };
    await using client = new Redis(server.url, options);
    await using consumer = await client.pubsub({ channels: "a", ignoreSubscribeMessages: true });
    const [errors, states] = [[] as unknown[], [] as string[]];
    consumer.on("error", (error) => errors.push(error));
    consumer.on("state", (state) => states.push(state));
    for (const command of commands) server.handle(command, refuse);
    server.latest.reset();
    for (const command of commands) {
      const before = refusals;
      await eventually(() => expect(refusals).toBeGreaterThanOrEqual(before + 20));
      expect([consumer.state, consumer.denied.size]).toEqual(["reconnecting", 0]);
      server.handle(command, undefined);
    }
    await eventually(() => expect(consumer.state).toBe("live"));
    server.publish("a", "back");
    expect(await nextData(consumer)).toBe("back");
    expect([errors, states]).toEqual([[], ["reconnecting", "live"]]);
  });
});

// Row 19.
onEveryProtocol("a server that takes no more clients", (bench) => {
  const limit = (count: number) => bench.control.command("CONFIG", "SET", "maxclients", String(count));
  const refusal = /max number of clients reached/;

  test("is told as the cause, asked again by the policy, and taken up when it has room", async () => {
    const client = bench.proxied();
    const told: unknown[] = [];
    client.on("reconnecting", ({ cause }) => told.push(cause));
    await client.connect();
    const witness = await Witness.open(client, bench.server, { channels: ["a"], handled: ["h"] });
    const states: string[] = [];
    witness.consumer.on("state", (state) => states.push(state));
    await witness.receives(50);
    await limit(1);
    bench.proxy.cut();
    await eventually(() => expect(told.filter((cause) => refusal.test(String(cause)))).not.toHaveLength(0));
    await eventually(() => expect(bench.proxy.accepted.length).toBeGreaterThanOrEqual(8));
    expect(told.at(-1)).toBeInstanceOf(ServerError);
    // Of three attempts, two are by the consumer or two by the client, and 100 ms are between those.
    const attempts = bench.proxy.accepted.slice(2);
    for (const [index, at] of attempts.slice(2).entries())
      expect(at - (attempts[index] ?? 0)).toBeGreaterThanOrEqual(95);
    await limit(100);
    await expectServerTruth(bench.server, { channels: ["a", "h"] });
    await witness.receives(50);
    await witness.verify();
    expect([witness.gaps.length, states]).toEqual([1, ["reconnecting", "live"]]);
    expect(await client.publish("elsewhere", "x")).toBe(0);
  });

  test("is the cause why a consumer or a client cannot be opened in time", async () => {
    const client = bench.client({ connectTimeout: 500, readyTimeout: 500 });
    await limit(1);
    for (const error of await Promise.all([client.pubsub({ channels: "a" }), client.connect()].map(rejection))) {
      expect(error).toBeInstanceOf(TimeoutError);
      expect(String((error as Error).cause)).toMatch(refusal);
    }
  });
});

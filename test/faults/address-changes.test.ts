import type { RedisOptions } from "tidings";
import { afterEach, expect, test } from "vitest";
import { killSubscribers } from "../support/clients.ts";
import { deadline, eventually } from "../support/eventually.ts";
import { type RedisServer, startServer } from "../support/redis-server.ts";
import { expectServerTruth } from "../support/server-truth.ts";
import { nextData, onEveryProtocol, rejection } from "./fixtures.ts";
import { Witness } from "./witness.ts";

const NAME = "redis.example.org";

/** A name service with one name, whose address a test may change. */
class Names {
  address: string | null = "127.0.0.1";
  readonly asked: string[] = [];

  readonly lookup: NonNullable<RedisOptions["lookup"]> = (host, { all }, callback) => {
    this.asked.push(host);
    if (this.address === null) {
      callback(Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: "ENOTFOUND" }), "", 4);
    } else if (all) callback(null, [{ address: this.address, family: 4 }]);
    else callback(null, this.address, 4);
  };
}

// Row 18.
onEveryProtocol("a server whose name leads elsewhere", (bench) => {
  const others: RedisServer[] = [];
  /** Another server on the same port of another loopback address. */
  const startOther = async (): Promise<RedisServer> => {
    const config = ["bind 127.0.0.2", "protected-mode no"];
    const other = await startServer({ port: bench.server.port, config });
    others.push(other);
    return other;
  };
  // The clients are closed after this; they have nobody to say goodbye to.
  afterEach(() => Promise.all(others.splice(0).map((other) => other.stop())));

  test("is followed after it went, with all subscriptions, handlers and commands", async () => {
    const names = new Names();
    const client = bench.client({ host: NAME, lookup: names.lookup });
    await client.connect();
    const consumer = await client.pubsub({ channels: ["a", "b"], patterns: "p*", ignoreSubscribeMessages: true });
    const seen: string[] = [];
    await consumer.subscribe("h", ({ data }) => seen.push(data));
    expect(names.asked).toEqual([NAME, NAME]);
    const other = await startOther();
    await bench.server.shutdown();
    await eventually(() => expect([consumer.state, client.state]).toEqual(["reconnecting", "reconnecting"]));
    // The old address is tried until the name service knows better.
    await eventually(() => expect(names.asked.length).toBeGreaterThanOrEqual(6));
    names.address = "127.0.0.2";
    await expectServerTruth(other, { channels: ["a", "b", "h"], patterns: ["p*"] });
    expect(await client.publish("h", "handled")).toBe(1);
    await client.publish("p1", "read");
    expect([await nextData(consumer), seen]).toEqual(["read", ["handled"]]);
    expect(consumer.stats()).toMatchObject({ reconnects: 1, gaps: 2 });
  });

  test("is left for the new one though the old one lives on, when a connection is lost", async () => {
    const names = new Names();
    const client = bench.client({ host: NAME, lookup: names.lookup });
    const witness = await Witness.open(client, bench.server, { channels: ["a"], handled: ["h"] });
    await witness.receives(50);
    const other = await startOther();
    names.address = "127.0.0.2";
    // A connection that lives stays where it is.
    await witness.receives(50);
    await expectServerTruth(bench.server, { channels: ["a", "h"] });
    await killSubscribers(bench.control);
    await expectServerTruth(other, { channels: ["a", "h"] });
    await expectServerTruth(bench.server, {});
    // And back. What was published at the old one meanwhile is missing, and lies inside the gaps.
    names.address = "127.0.0.1";
    await killSubscribers(other.control);
    await expectServerTruth(bench.server, { channels: ["a", "h"] });
    await expectServerTruth(other, {});
    await witness.receives(50);
    expect(await witness.verify()).toBeGreaterThan(0);
    expect(witness.gaps).toHaveLength(2);
    expect(names.asked).toHaveLength(3);
  });

  test("is waited for while nobody knows the name, and the cause says so", async () => {
    const names = new Names();
    const client = bench.client({ host: NAME, lookup: names.lookup });
    const witness = await Witness.open(client, bench.server, { channels: ["a"] });
    await witness.receives(50);
    names.address = null;
    await killSubscribers(bench.control);
    await eventually(() => expect(names.asked.length).toBeGreaterThanOrEqual(4));
    expect(witness.consumer.state).toBe("reconnecting");
    const lost = bench.client({ host: NAME, lookup: names.lookup, connectTimeout: 300, readyTimeout: 300 });
    const error = await deadline(rejection(lost.connect()), 10_000, "the connect to be told");
    expect(String((error as Error).cause)).toContain("ENOTFOUND");
    names.address = "127.0.0.1";
    await expectServerTruth(bench.server, { channels: ["a"] });
    await witness.receives(50);
    await witness.verify();
    expect(witness.gaps).toHaveLength(1);
  });
});

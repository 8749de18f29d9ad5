import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Redis, RedisCluster } from "tidings";
import { asIoredis, asNodeRedis } from "tidings/compat";
import { describe, expect, test } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { freePort } from "../../support/free-port.ts";
import { startCluster } from "../../support/redis-cluster.ts";
import { startServer } from "../../support/redis-server.ts";
import { makers, names, start } from "./fixtures.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

describe.each(names)("a face made by %s", (name) => {
  const make = makers[name];

  test("emits connect and ready though the client behind is live already", async () => {
    await using deployment = await start();
    const client = await deployment.client().connect();
    const face = make(client);
    const ready = Promise.all([once(face.emitter, "connect"), once(face.emitter, "ready")]);
    await face.subscribe("a", () => {});
    await ready;
  });

  test("tells a lost link, its cause and its return, and is told the gap", async () => {
    await using deployment = await start();
    const face = make(deployment.client());
    // Its first connections may come one after the other.
    await Promise.all([once(face.emitter, "ready"), face.subscribe("a", () => {})]);
    const told: string[] = [];
    const causes: unknown[] = [];
    for (const event of ["reconnecting", "gap", "ready"]) face.emitter.on(event, () => told.push(event));
    face.emitter.on("error", (cause) => causes.push(cause));
    await deployment.server.control.command("CLIENT", "KILL", "TYPE", "pubsub");
    await eventually(() => expect(told.slice(0, 1).concat(told.slice(-2))).toEqual(["reconnecting", "gap", "ready"]));
    expect(causes[0]).toBeInstanceOf(Error);
  });

  test("needs no listener of error", async () => {
    await using deployment = await start();
    const face = make(deployment.client());
    const heard: string[] = [];
    await face.subscribe("a", (message) => heard.push(message));
    await deployment.server.control.command("CLIENT", "KILL", "TYPE", "pubsub");
    await eventually(async () => {
      await deployment.server.control.command("PUBLISH", "a", "again");
      expect(heard).toContain("again");
    });
  });

  test("is subscribed when the server comes, long after the client's own patience", async () => {
    const port = await freePort();
    await using client = new Redis({ port, readyTimeout: 50 });
    const face = make(client);
    const heard: string[] = [];
    const attempts: unknown[] = [];
    face.emitter.on("reconnecting", (delay) => attempts.push(delay));
    face.emitter.on("error", () => {});
    const subscribed = face.subscribe("a", (message) => heard.push(message));
    await eventually(() => expect(attempts.length).toBeGreaterThan(3));
    await using server = await startServer({ port });
    await subscribed;
    await server.control.command("PUBLISH", "a", "at last");
    await eventually(() => expect(heard).toEqual(["at last"]));
  });

  test("tells Node's own error where nothing listens", async () => {
    await using client = new Redis({ port: await freePort() });
    const face = make(client);
    const [error] = await Promise.all([once(face.emitter, "error"), void face.subscribe("a", () => {})]);
    expect(error[0].message).toMatch(/^connect ECONNREFUSED/);
    await face.quit();
  });

  test("keeps a bounded number of publishes while no server is there, and rejects nothing unheard", async () => {
    await using client = new Redis({ port: await freePort(), commandTimeout: 300 });
    const face = make(client);
    const errors: string[] = [];
    face.emitter.on("error", (error) => errors.push(error.message));
    for (let index = 0; index < 70_000; index++) void face.publish("a", "message");
    const refused = () => errors.filter((message) => message.includes("no more are kept"));
    await eventually(() => expect(refused()).toHaveLength(70_000 - 65_536));
    await eventually(() => expect(errors.length).toBeGreaterThanOrEqual(70_000));
    await face.quit();
  });

  test("delivers what was published before quit, then ends", async () => {
    await using deployment = await start();
    const [subscriber, publisher] = [make(deployment.client()), make(deployment.client())];
    const same = subscriber.duplicate();
    const heard: string[] = [];
    const events: string[] = [];
    await subscriber.subscribe("a", (message) => heard.push(message));
    for (const event of ["close", "end"]) subscriber.emitter.on(event, () => events.push(event));
    await publisher.publish("a", "before");
    for (let index = 0; index < 100; index++) void same.publish("a", String(index));
    await subscriber.quit();
    expect(heard).toEqual(["before", ...Array.from({ length: 100 }, (_, index) => String(index))]);
    expect(events).toEqual(["close", "end"]);
    await expect(subscriber.publish("a", "after")).rejects.toThrow("Connection is closed.");
    await Promise.all([publisher.quit(), same.quit()]);
  });

  test("leaves its duplicate and the client open", async () => {
    await using deployment = await start();
    const client = deployment.client();
    const face = make(client);
    const duplicate = face.duplicate();
    const heard: string[] = [];
    await face.subscribe("a", () => {});
    await duplicate.subscribe("a", (message) => heard.push(message));
    await face.quit();
    await client.publish("a", "still");
    await eventually(() => expect(heard).toEqual(["still"]));
    await duplicate.quit();
    expect(await client.pubsubNumsub("a")).toEqual(new Map([["a", 0]]));
  });

  test("closes the client after the last face that owns it, and the process ends", async () => {
    await using deployment = await start();
    const code = `
      import { Redis } from "./src/index.ts";
      import { ${name} } from "./src/compat.ts";
      const face = ${name}(new Redis(process.env.REDIS_URL), { owns: true });
      const other = face.duplicate();
      await face.subscribe("a", () => {});
      await other.publish("a", "message");
      await face.quit();
      await other.quit();
      console.log("quit");
    `;
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ["--import", "tsx", "--input-type=module", "--eval", code],
      { cwd: root, env: { ...process.env, REDIS_URL: deployment.server.url }, encoding: "utf8", timeout: 20_000 },
    );
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "quit\n", stderr: "" });
  });

  test("ends once, however often and in whatever ways it is asked to", async () => {
    await using deployment = await start();
    const client = deployment.client();
    const face = make(client);
    await face.subscribe("a", () => {});
    const events: string[] = [];
    for (const event of ["close", "end"]) face.emitter.on(event, () => events.push(event));
    const quitting = [face.quit(), face.quit()];
    face.end();
    face.end();
    await Promise.all([...quitting, client.close()]);
    await face.quit();
    expect(events).toEqual(["close", "end"]);
  });

  test("ends when its client is closed", async () => {
    await using deployment = await start();
    const client = deployment.client();
    const face = make(client);
    await face.subscribe("a", () => {});
    const ended = once(face.emitter, "end");
    await client.close();
    await ended;
    await expect(face.get("key")).rejects.toThrow("Connection is closed.");
    expect(await face.quit()).toBe("OK");
  });
});

test("what is no client, and options that are none, are refused", () => {
  for (const make of [asIoredis, asNodeRedis]) {
    expect(() => make({} as never)).toThrow(/takes a client of tidings/);
    expect(() => make(new Redis(), { own: true } as never)).toThrow(/knows no option "own"/);
  }
});

test("an ioredis face that is lazy waits for connect, and may begin anew after its end", async () => {
  await using deployment = await start();
  const face = asIoredis(deployment.client(), { lazyConnect: true });
  expect(face.status).toBe("wait");
  await face.connect();
  expect(face.status).toBe("ready");
  const ended = once(face, "end");
  face.disconnect();
  await ended;
  expect(face.status).toBe("end");
  await face.connect();
  expect(await face.subscribe("a")).toBe(1);
  await face.quit();
});

test("a node-redis face is open from its first use", async () => {
  await using deployment = await start();
  const face = asNodeRedis(deployment.client());
  expect([face.isOpen, face.isReady]).toEqual([false, false]);
  expect(await face.connect()).toBe(face);
  expect([face.isOpen, face.isReady]).toEqual([true, true]);
  const ended = once(face, "end");
  face.destroy();
  await ended;
  expect(face.isOpen).toBe(false);
});

test("a cluster's face is subscribed when the nodes come, long after the client's own patience", async () => {
  await using cluster = await startCluster({ primaries: 3, replicasPerPrimary: 0 });
  const seeds = cluster.primaries.map(({ port }) => ({ host: "127.0.0.1", port }));
  const nodes = cluster.primaries;
  for (const node of nodes) await node.kill();
  await using client = new RedisCluster({ seeds, readyTimeout: 100 });
  const face = asIoredis(client);
  const attempts: unknown[] = [];
  face.on("error", (error) => attempts.push(error));
  const heard: string[] = [];
  face.on("message", (_channel, message) => heard.push(message));
  const subscribed = face.subscribe("a");
  await eventually(() => expect(attempts.length).toBeGreaterThan(3));
  for (const node of nodes) await node.start();
  await subscribed;
  await eventually(async () => {
    await face.publish("a", "at last");
    expect(heard).toContain("at last");
  });
  await face.quit();
});

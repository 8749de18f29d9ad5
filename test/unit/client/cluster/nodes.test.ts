import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Nodes, type NodesOwner } from "../../../../src/client/cluster/nodes.ts";
import type { ConnectionSettings } from "../../../../src/connection/settings.ts";
import { ClosedError, ConnectionError, ServerError } from "../../../../src/errors.ts";
import { eventually } from "../../../support/eventually.ts";
import { type FakeServer, startFakeServer } from "../../../support/fake-server.ts";
import { bulk, map } from "../../../support/resp-writer.ts";
import { patient, settingsFor } from "../../connection/dial.ts";

let told: unknown[];
let server: FakeServer;
let made: Nodes[];
/** What a returned node is waited for. */
let returned: Promise<void>;

beforeEach(async () => {
  told = [];
  made = [];
  returned = Promise.resolve();
  server = await startFakeServer();
});
afterEach(async () => {
  await Promise.all(made.map((nodes) => nodes.close()));
  await server.stop();
});

function nodesOf({ wait = 5 as number | null, commandTimeout = 10_000, maxIdle = patient.maxIdle } = {}): Nodes {
  const owner: NodesOwner = {
    connected: () => told.push("connected"),
    ready: () => told.push("ready"),
    reconnecting: (cause, delay) => told.push({ reconnecting: cause, delay }),
    failed: (cause, wasTold) => told.push({ failed: cause, told: wasTold }),
    stalled: () => told.push("stalled"),
    departed: (settings) => told.push({ departed: settings }),
    demoted: () => told.push("demoted"),
    returned: () => {
      told.push("returned");
      return returned;
    },
  };
  const { endpoint: _, ...connection } = settingsFor(0, { clientName: "app", db: 0 });
  const options = { connection, timeouts: { ...patient, maxIdle }, retryPolicy: () => wait, commandTimeout };
  const nodes = new Nodes(options, owner);
  made.push(nodes);
  return nodes;
}

const place = (): { host: string; port: number } => ({ host: "127.0.0.1", port: server.port });
const address = (): string => `127.0.0.1:${server.port}`;
/** The node at which nothing listens. */
const nowhere = { host: "127.0.0.1", port: 1 };
const outcomeOf = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);

describe("a link to a node", () => {
  test("is made at the first use, told as connected and ready, and used from then on", async () => {
    const nodes = nodesOf();
    expect([nodes.ready(address()), nodes.states, nodes.awaited]).toEqual([null, [], false]);
    const link = nodes.link(place());
    expect([link.state, told, server.accepted.length]).toEqual(["idle", ["stalled"], 0]);
    expect(await link.command(["ECHO", "a"])).toBe("a");
    expect(told).toEqual(["stalled", "connected", "ready"]);
    expect([nodes.link(place()), nodes.ready(address())]).toEqual([link, link]);
    expect([told.length, nodes.states, server.accepted.length]).toEqual([3, ["live"], 1]);
  });

  test("is awaited while a command has no connection", async () => {
    const nodes = nodesOf({ wait: 60_000 });
    const outcome = outcomeOf(nodes.link(nowhere).command(["PING"]));
    expect(nodes.awaited).toBe(true);
    expect(nodes.ready("127.0.0.1:1")).toBeNull();
    await eventually(() => expect(told).toContainEqual({ reconnecting: expect.any(ConnectionError), delay: 60_000 }));
    await nodes.close();
    expect(await outcome).toBeInstanceOf(ClosedError);
    expect(nodes.awaited).toBe(false);
  });

  test("waits no longer than commandTimeout", async () => {
    const nodes = nodesOf({ commandTimeout: 20, wait: 60_000 });
    expect(await outcomeOf(nodes.link(nowhere).command(["PING"]))).toMatchObject({
      message: expect.stringMatching(/^PING was not sent: no connection within 20 ms\. .*127\.0\.0\.1:1 failed/),
    });
  });

  test("that fails for good is told, with whether a call was told", async () => {
    const refused = new ServerError("WRONGPASS no");
    server.handle("HELLO", (_, connection) => connection.write(`-${refused.message}\r\n`));
    const nodes = nodesOf();
    const error = await outcomeOf(nodes.link(place()).command(["PING"]));
    expect(error).toMatchObject({ code: "WRONGPASS" });
    expect(told).toEqual(["stalled", { failed: error, told: true }]);
  });

  test("that returns is used once it is known what the node has become", async () => {
    const nodes = nodesOf();
    const link = nodes.link(place());
    await link.command(["ECHO", "a"]);
    let release = (): void => {};
    returned = new Promise((resolve) => {
      release = resolve;
    });
    server.latest.reset();
    await eventually(() =>
      expect(told.slice(3)).toEqual([{ reconnecting: expect.any(ConnectionError), delay: 5 }, "returned"]),
    );
    expect(nodes.ready(address())).toBeNull();
    release();
    await eventually(() => expect(told.slice(5)).toEqual(["connected", "ready"]));
    expect(nodes.ready(address())).toBe(link);
  });

  test("to a primary that becomes a replica is told as demoted", async () => {
    let role = "master";
    server.handle("HELLO", (_, connection) => {
      connection.protocol = 3;
      connection.write(map([[bulk("role"), bulk(role)]]));
    });
    const nodes = nodesOf({ maxIdle: 20 });
    await nodes.link(place()).command(["ECHO", "a"]);
    role = "replica";
    await eventually(() => expect(told).toContain("demoted"));
  });
});

describe("settings", () => {
  test("are one object for each node, and differ in the endpoint alone", () => {
    const nodes = nodesOf();
    const one = nodes.settingsOf({ host: "h", port: 1 });
    const other = nodes.settingsOf({ host: "h", port: 2 });
    expect(nodes.settingsOf({ host: "h", port: 1 })).toBe(one);
    expect(one.endpoint).toEqual({ host: "h", port: 1 });
    expect(other).toEqual({ ...one, endpoint: { host: "h", port: 2 } });
    expect(one.clientName).toBe("app");
  });
});

describe("a question to a node", () => {
  const never = new AbortController().signal;

  test("has a connection of its own where there is none, which ends with it", async () => {
    const nodes = nodesOf();
    const line = await nodes.line(place(), never);
    expect(await line.command(["ECHO", "a"])).toBe("a");
    expect([server.connections.length, nodes.states]).toEqual([1, []]);
    line.end();
    await eventually(() => expect(server.connections).toHaveLength(0));
    await expect(line.command(["ECHO", "b"])).rejects.toBeInstanceOf(ClosedError);
  });

  test("goes over the connection for commands where that is live, which stays", async () => {
    const nodes = nodesOf();
    const link = nodes.link(place());
    await link.command(["ECHO", "a"]);
    const line = await nodes.line(place(), never);
    expect(await line.command(["ECHO", "b"])).toBe("b");
    line.end();
    expect(await link.command(["ECHO", "c"])).toBe("c");
    expect(server.accepted).toHaveLength(1);
  });

  test("to a node that cannot be reached rejects with why", async () => {
    await expect(nodesOf().line(nowhere, never)).rejects.toBeInstanceOf(ConnectionError);
  });

  test("that is not wanted any more is given up, with its connection", async () => {
    server.handle("HELLO", () => {});
    const abort = new AbortController();
    const outcome = outcomeOf(nodesOf().line(place(), abort.signal));
    await eventually(() => expect(server.commands.length).toBeGreaterThan(0));
    abort.abort();
    expect(await outcome).toBeInstanceOf(ConnectionError);
    await eventually(() => expect(server.connections).toHaveLength(0));
  });
});

describe("a layout with other nodes", () => {
  test("closes the connections of those that are gone, and tells their settings", async () => {
    const nodes = nodesOf();
    const link = nodes.link(place());
    await link.command(["ECHO", "a"]);
    const settings: ConnectionSettings = nodes.settingsOf(place());
    const kept = nodes.settingsOf(nowhere);
    nodes.keep(new Map([["127.0.0.1:1", null]]));
    expect(told.slice(3)).toEqual([{ departed: settings }]);
    expect([link.state, nodes.states, nodes.ready(address())]).toEqual(["closed", [], null]);
    expect(nodes.settingsOf(nowhere)).toBe(kept);
    expect(nodes.settingsOf(place())).not.toBe(settings);
    await eventually(() => expect(server.connections).toHaveLength(0));
  });

  test("keeps those that stay", async () => {
    const nodes = nodesOf();
    const link = nodes.link(place());
    await link.command(["ECHO", "a"]);
    const settings = nodes.settingsOf(place());
    nodes.keep(new Map([[address(), null]]));
    expect(await link.command(["ECHO", "b"])).toBe("b");
    expect([nodes.settingsOf(place()), told.slice(3)]).toEqual([settings, []]);
  });

  test("gives back what waits for nodes that do not answer", async () => {
    const nodes = nodesOf({ wait: 60_000 });
    const outcome = outcomeOf(nodes.link(nowhere).command(["PING"], true, undefined, true));
    nodes.keep(new Map([["127.0.0.1:1", null]]));
    expect(await outcome).toMatchObject({ message: expect.stringContaining("cannot be reached") });
  });

  test("gives back nothing of what a live node was sent", async () => {
    const nodes = nodesOf();
    const link = nodes.link(place());
    await link.command(["ECHO", "a"]);
    server.handle("GET", (_, connection) => connection.write(bulk("A")));
    const reply = link.command(["GET", "a"], true, undefined, true);
    nodes.keep(new Map([[address(), null]]));
    expect(await reply).toBe("A");
  });
});

describe("a close", () => {
  test("closes every link", async () => {
    const nodes = nodesOf();
    await nodes.link(place()).command(["ECHO", "a"]);
    await nodes.close();
    expect(nodes.states).toEqual(["closed"]);
    await eventually(() => expect(server.connections).toHaveLength(0));
  });

  test("holds for links that are asked for later", async () => {
    const nodes = nodesOf();
    await nodes.close();
    await expect(nodes.link(place()).command(["PING"])).rejects.toBeInstanceOf(ClosedError);
    expect(server.accepted).toHaveLength(0);
  });
});

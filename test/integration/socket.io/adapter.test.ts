// The adapter by itself, on namespaces that stand for socket.io's: npm run test:ecosystem runs it under socket.io.

import { Redis, RedisCluster } from "tidings";
import { type AdapterGap, type AdapterOptions, createAdapter, type TidingsAdapter } from "tidings/socket.io";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { startCluster } from "../../support/redis-cluster.ts";
import { type RedisServer, startServer } from "../../support/redis-server.ts";

/** What an adapter needs of a socket. */
class FakeSocket {
  readonly id: string;
  readonly heard: unknown[] = [];
  readonly client = { writeToEngine: ([packet]: { data: unknown[] }[]) => void this.heard.push(packet?.data) };
  readonly handshake = {};
  readonly rooms = new Set<string>();
  readonly data = {};

  constructor(id: string) {
    this.id = id;
  }

  notifyOutgoingListeners(): void {}
}

/** What an adapter needs of a namespace. */
class FakeNamespace {
  readonly name: string;
  readonly server = { opts: {}, encoder: { encode: (packet: unknown) => [packet] } };
  readonly sockets = new Map<string, FakeSocket>();
  readonly emitted: unknown[][] = [];

  constructor(name: string) {
    this.name = name;
  }

  _onServerSideEmit(args: unknown[]): void {
    const answer = args.at(-1);
    this.emitted.push(args);
    if (typeof answer === "function") answer("answer");
  }
}

interface Node {
  readonly adapter: TidingsAdapter;
  readonly namespace: FakeNamespace;
  readonly socket: FakeSocket;
  broadcast(data: unknown[], rooms?: string[]): Promise<void>;
}

let server: RedisServer;
let last = 0;
const clients: Redis[] = [];

beforeAll(async () => {
  server = await startServer();
});

afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await server.stop();
});

function clientOf(options = {}): Redis {
  const client = new Redis(server.url, options);
  clients.push(client);
  return client;
}

/** A server with one socket, subscribed. */
async function node(client: Redis | RedisCluster, options: AdapterOptions, name = "/"): Promise<Node> {
  const namespace = new FakeNamespace(name);
  const Adapter = createAdapter(client as Redis, options) as unknown as new (namespace: unknown) => TidingsAdapter;
  const adapter = new Adapter(namespace);
  await adapter.init();
  const socket = new FakeSocket(`socket-${++last}`.padEnd(20, "x"));
  namespace.sockets.set(socket.id, socket);
  await adapter.addAll(socket.id, new Set([socket.id]));
  return {
    adapter,
    namespace,
    socket,
    broadcast: (data, rooms = []) =>
      adapter.broadcast({ type: 2, data, nsp: name }, { rooms: new Set(rooms), except: new Set(), flags: {} }),
  };
}

const forms: Readonly<Record<string, AdapterOptions>> = {
  classic: {},
  "classic, with channels of rooms": { dynamicRooms: true },
  sharded: { sharded: true },
  "sharded, one channel": { sharded: true, dynamicRooms: false },
};

describe.each(Object.entries(forms))("%s", (form, options) => {
  const prefix = `test ${form}`;

  test("broadcasts reach the sockets of other servers of the namespace, with bytes", async () => {
    const nodes = await Promise.all([1, 2].map(() => node(clientOf(), { ...options, prefix })));
    const [one, two] = nodes as [Node, Node];
    const other = await node(clientOf(), { ...options, prefix }, "/other");
    await one.broadcast(["news", 1, Buffer.from([255])]);
    await eventually(() => expect(two.socket.heard).toEqual([["news", 1, Buffer.from([255])]]));
    expect(one.socket.heard).toEqual([["news", 1, Buffer.from([255])]]);
    expect(other.socket.heard).toEqual([]);
    expect(await one.adapter.serverCount()).toBe(2);
    await Promise.all([one, two, other].map(({ adapter }) => adapter.close()));
  });

  test("a room is heard once its join is awaited, and no more once it is empty", async () => {
    const [one, two] = (await Promise.all([1, 2].map(() => node(clientOf(), { ...options, prefix })))) as [Node, Node];
    for (const room of ["room", "with {braces}", "r".repeat(300)]) {
      await two.adapter.addAll(two.socket.id, new Set([room]));
      await one.broadcast([room], [room]);
      await eventually(() => expect(two.socket.heard.at(-1)).toEqual([room]));
      two.adapter.del(two.socket.id, room);
    }
    expect(one.socket.heard).toEqual([]);
    await eventually(async () => {
      const channels = options.sharded ? "SHARDCHANNELS" : "CHANNELS";
      const all = (await server.control.command("PUBSUB", channels, `${prefix}*`)) as string[];
      expect(all.filter((channel) => channel.includes("#room#"))).toEqual([]);
    });
    await Promise.all([one, two].map(({ adapter }) => adapter.close()));
  });

  test("servers ask each other, and are answered", async () => {
    const [one, two] = (await Promise.all([1, 2].map(() => node(clientOf(), { ...options, prefix })))) as [Node, Node];
    const answers = await new Promise((resolve, reject) => {
      one.adapter.serverSideEmit([
        "ask",
        1,
        (error: Error | null, all: unknown) => (error === null ? resolve(all) : reject(error)),
      ]);
    });
    expect(answers).toEqual(["answer"]);
    expect(two.namespace.emitted[0]?.slice(0, 2)).toEqual(["ask", 1]);
    await Promise.all([one, two].map(({ adapter }) => adapter.close()));
  });
});

test("what may have been missed is told with the rooms that it concerns", async () => {
  const gaps: AdapterGap[] = [];
  const names: string[] = [];
  const one = await node(clientOf(), {
    prefix: "gaps",
    dynamicRooms: true,
    gap(gap, namespace) {
      gaps.push(gap);
      names.push(namespace.name);
    },
  });
  await one.adapter.addAll(one.socket.id, new Set(["a room"]));
  await server.control.command("CLIENT", "KILL", "TYPE", "pubsub");
  await eventually(() => expect(gaps.some(({ rooms }) => rooms === null)).toBe(true));
  expect(gaps.every(({ cause, from, to }) => cause === "disconnected" && from <= to)).toBe(true);
  expect(new Set(names)).toEqual(new Set(["/"]));
  await one.adapter.close();
});

test("servers that share a client are counted, and one that is closed is not", async () => {
  const client = clientOf();
  const [one, two] = (await Promise.all([1, 2].map(() => node(client, { prefix: "shared" })))) as [Node, Node];
  const three = await node(clientOf(), { prefix: "shared" });
  expect(await one.adapter.serverCount()).toBe(3);
  await two.broadcast(["news"]);
  await eventually(() => expect([one, three].map(({ socket }) => socket.heard)).toEqual([[["news"]], [["news"]]]));
  await two.adapter.close();
  await two.adapter.close();
  expect(await one.adapter.serverCount()).toBe(2);
  await Promise.all([one, three].map(({ adapter }) => adapter.close()));
});

test("what is no message of an adapter is told, and stops nothing", async () => {
  const errors: Error[] = [];
  const one = await node(clientOf(), { prefix: "junk", error: (error) => errors.push(error) });
  for (const junk of ["no JSON", "{}", '{"uid":"other","nsp":"/","type":3}']) {
    await server.control.command("PUBLISH", "junk#/#", junk);
  }
  await eventually(() => expect(errors).toHaveLength(3));
  await one.adapter.close();
});

test("a namespace that is denied tells it, or else the process is warned once", async () => {
  await server.control.command("ACL", "SETUSER", "some", "on", ">secret", "+@all", "~*", "resetchannels");
  const client = clientOf({ username: "some", password: "secret" });
  const errors: Error[] = [];
  const told = await node(client, { prefix: "denied", error: (error) => errors.push(error) });
  expect(errors).toMatchObject([{ code: "NOPERM" }]);
  await told.broadcast(["news"]);
  await eventually(() => expect(errors).toHaveLength(2));
  const warnings: string[] = [];
  const listen = (warning: Error): void => void warnings.push(warning.message);
  process.on("warning", listen);
  const untold = await node(client, { prefix: "denied" });
  await untold.broadcast(["news"]);
  await eventually(() => expect(warnings).toHaveLength(1));
  expect(warnings[0]).toContain('Give createAdapter an "error" function');
  process.off("warning", listen);
  await Promise.all([told, untold].map(({ adapter }) => adapter.close()));
});

test("a server that comes late is waited for, past the client's own patience", async () => {
  const late = await startServer();
  await late.kill();
  const client = new Redis({ port: late.port, readyTimeout: 50 });
  const opening = node(client, { prefix: "late" });
  await eventually(() => expect(client.stats().consumers).toBeGreaterThan(0));
  await late.start();
  const one = await opening;
  expect(await one.adapter.serverCount()).toBe(1);
  await one.adapter.close();
  await client.close();
  await late.stop();
});

test("in a cluster servers hear each other at whatever node they are", async () => {
  await using cluster = await startCluster({ primaries: 3, replicasPerPrimary: 0 });
  const seeds = cluster.primaries.map(({ port }) => ({ host: "127.0.0.1", port }));
  await using one = new RedisCluster({ seeds });
  await using two = new RedisCluster({ seeds });
  for (const sharded of [false, true]) {
    const [here, there] = await Promise.all([node(one, { sharded }), node(two, { sharded })]);
    await eventually(async () => expect(await here?.adapter.serverCount()).toBe(2));
    await eventually(async () => {
      await here?.broadcast(["news"]);
      expect(there?.socket.heard.length).toBeGreaterThan(0);
    });
    await Promise.all([here?.adapter.close(), there?.adapter.close()]);
  }
});

test("what is no client, and options that are none, are refused", () => {
  expect(() => createAdapter({} as never)).toThrow("createAdapter takes a client of tidings");
  expect(() => createAdapter(new Redis(), { shard: true } as never)).toThrow('knows no option "shard"');
});

import { once } from "node:events";
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdapter as createRedisAdapter, createShardedAdapter } from "@socket.io/redis-adapter";
import { Emitter } from "@socket.io/redis-emitter";
import { type Namespace, Server } from "socket.io";
import { type Socket as ClientSocket, io as connect } from "socket.io-client";
import { Redis } from "tidings";
import { type AdapterGap, type AdapterOptions, createAdapter } from "tidings/socket.io";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cluster, type Deployment, eventually, faces, oneServer } from "./fixtures.ts";

/** A server's adapter, and what ends what it stands on. */
interface Made {
  readonly adapter: unknown;
  close(): Promise<unknown>;
}

type Maker = (deployment: Deployment) => Made;

const overFace = (face: keyof typeof faces, kind: "classic" | "sharded"): Maker => {
  return (deployment) => {
    const client = deployment.client();
    const [pub, sub] = [faces[face](client), faces[face](client)];
    const adapter =
      kind === "classic" ? createRedisAdapter(pub, sub) : createShardedAdapter(pub as never, sub as never);
    return { adapter, close: () => Promise.all([pub.quit(), sub.quit()]) };
  };
};

const own = (options: AdapterOptions = {}): Maker => {
  return (deployment) => ({ adapter: createAdapter(deployment.client(), options), close: async () => {} });
};

const makers: Readonly<Record<string, Maker>> = {
  "the classic adapter over asIoredis": overFace("asIoredis", "classic"),
  "the classic adapter over asNodeRedis": overFace("asNodeRedis", "classic"),
  "the sharded adapter over asIoredis": overFace("asIoredis", "sharded"),
  "the sharded adapter over asNodeRedis": overFace("asNodeRedis", "sharded"),
  "tidings' own adapter": own(),
  "tidings' own adapter, with channels of rooms": own({ dynamicRooms: true }),
  "tidings' own adapter, sharded": own({ sharded: true }),
};

const variants = [oneServer, cluster].flatMap((deploy) =>
  Object.entries(makers).map(([name, make]) => ({ deploy, make, title: `${name}, ${deploy.name}` })),
);

describe.each(variants)("socket.io on $title", ({ deploy, make }) => {
  let deployment: Deployment;
  let nodes: Instance[];

  beforeAll(async () => {
    deployment = await deploy();
    nodes = await Promise.all([1, 2, 3].map(() => instance(make(deployment))));
    await everyServerIsKnown(nodes);
  });

  afterAll(async () => {
    for (const node of nodes ?? []) await node.close();
    await deployment?.[Symbol.asyncDispose]();
  });

  test("broadcasts reach the sockets of all servers", async () => {
    const heard = nodes.map(({ socket }) => next(socket, "news"));
    nodes[0]?.io.emit("news", 1, Buffer.from([1, 255]));
    expect(await Promise.all(heard)).toEqual(nodes.map(() => [1, Buffer.from([1, 255])]));
  });

  test("rooms are joined, addressed and left from another server", async () => {
    const [one, two, three] = nodes as [Instance, Instance, Instance];
    one.io.in(two.socket.id ?? "").socketsJoin("room");
    await eventually(async () => expect(await three.io.in("room").fetchSockets()).toHaveLength(1));
    const heard = next(two.socket, "in room");
    const unheard: unknown[] = [];
    three.socket.on("in room", (value) => unheard.push(value));
    await eventually(async () => {
      three.io.to("room").emit("in room", 1);
      await once(two.socket as never, "in room", { signal: AbortSignal.timeout(500) });
    });
    expect(await heard).toEqual([1]);
    expect(unheard).toEqual([]);
    three.io.in("room").socketsLeave("room");
    await eventually(async () => expect(await one.io.in("room").fetchSockets()).toHaveLength(0));
  });

  test("acknowledgements of all servers come back", async () => {
    for (const { socket } of nodes) socket.on("ask", (answer: (value: number) => void) => answer(7));
    const [one] = nodes as [Instance];
    expect(await one.io.timeout(10_000).emitWithAck("ask")).toEqual([7, 7, 7]);
  });

  test("sockets of all servers are fetched, and servers emit to each other", async () => {
    const [one, two, three] = nodes as [Instance, Instance, Instance];
    expect(await one.io.fetchSockets()).toHaveLength(3);
    for (const { io } of [two, three])
      io.on("how are you" as never, ((answer: (text: string) => void) => answer("well")) as never);
    expect(await one.io.serverSideEmitWithAck("how are you")).toEqual(["well", "well"]);
  });

  test("broadcasts are heard again after the connections were cut", async () => {
    await deployment.cutSubscribers();
    await everyServerIsKnown(nodes);
    const unheard = new Set(nodes);
    for (const node of nodes) node.socket.on("again", () => unheard.delete(node));
    await eventually(() => {
      nodes[1]?.io.emit("again");
      expect(unheard.size).toBe(0);
    });
  });

  test("sockets are disconnected from another server", async () => {
    const [one, two] = nodes as [Instance, Instance];
    const gone = next(two.socket, "disconnect");
    one.io.in(two.socket.id ?? "").disconnectSockets(true);
    expect(await gone).toBeDefined();
  });
});

describe("tidings' own adapter", () => {
  test("tells a server what may have been missed, so that its sockets can fetch anew", async () => {
    const deployment = await oneServer();
    const gaps: AdapterGap[] = [];
    const make = own({
      dynamicRooms: true,
      gap: (gap, namespace) => {
        gaps.push(gap);
        (namespace as Namespace).local.emit("refresh");
      },
    });
    const node = await instance(make(deployment));
    await everyServerIsKnown([node]);
    await [...node.io.sockets.sockets.values()][0]?.join("room");
    const refreshed = next(node.socket, "refresh");
    await deployment.cutSubscribers();
    await refreshed;
    await eventually(() => expect(gaps.some(({ rooms }) => rooms === null || rooms.includes("room"))).toBe(true));
    await node.close();
    await deployment[Symbol.asyncDispose]();
  });

  test("hears a room as soon as its join is awaited, whatever server publishes", async () => {
    const deployment = await oneServer();
    const make = own({ dynamicRooms: true });
    const [one, two] = await Promise.all([instance(make(deployment)), instance(make(deployment))]);
    await everyServerIsKnown([one, two]);
    for (const room of ["a", "b", "a room whose name has {braces}", "r".repeat(1000)]) {
      await [...one.io.sockets.sockets.values()][0]?.join(room);
      const heard = next(one.socket, "in room");
      two.io.to(room).emit("in room", room, { deep: [Buffer.from([1]), { "~": 1 }] });
      expect(await heard).toEqual([room, { deep: [Buffer.from([1]), { "~": 1 }] }]);
    }
    await Promise.all([one.close(), two.close()]);
    await deployment[Symbol.asyncDispose]();
  });

  test("counts servers that share a client", async () => {
    const deployment = await oneServer();
    const client = deployment.client();
    const sharing: Made = { adapter: createAdapter(client), close: async () => {} };
    const nodes = await Promise.all([instance(sharing), instance(sharing), instance(own()(deployment))]);
    await everyServerIsKnown(nodes.slice(0, 2), 3);
    expect(await nodes[0]?.io.fetchSockets()).toHaveLength(3);
    for (const node of nodes) await node.close();
    await deployment[Symbol.asyncDispose]();
  });

  test("is deaf to what is no message of an adapter, and tells it", async () => {
    const deployment = await oneServer();
    const errors: Error[] = [];
    const node = await instance(own({ error: (error) => errors.push(error) })(deployment));
    await everyServerIsKnown([node]);
    const client = deployment.client();
    for (const junk of ["no JSON", "{}", "null", "\0\0\0\0\xff"]) await client.publish("socket.io#/#", junk);
    await eventually(() => expect(errors).toHaveLength(4));
    const heard = next(node.socket, "news");
    node.io.emit("news", 1);
    expect(await heard).toEqual([1]);
    await node.close();
    await deployment[Symbol.asyncDispose]();
  });

  test("refuses options that are none", () => {
    expect(() => createAdapter({} as never)).toThrow(/takes a client of tidings/);
    expect(() => own({ shard: true } as never)({ client: () => new Redis() } as never)).toThrow(/no option "shard"/);
  });
});

test("socket.io's emitter reaches the sockets of a server, over asIoredis", async () => {
  const deployment = await oneServer();
  const node = await instance(overFace("asIoredis", "classic")(deployment));
  await everyServerIsKnown([node]);
  const heard = next(node.socket, "from outside");
  new Emitter(faces.asIoredis(deployment.client())).emit("from outside", { a: 1 });
  expect(await heard).toEqual([{ a: 1 }]);
  await node.close();
  await deployment[Symbol.asyncDispose]();
});

interface Instance {
  readonly io: Server;
  readonly socket: ClientSocket;
  close(): Promise<void>;
}

async function instance({ adapter, close }: Made): Promise<Instance> {
  const http: HttpServer = createServer();
  const io = new Server(http, { adapter: adapter as never });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const { port } = http.address() as AddressInfo;
  const socket = connect(`http://127.0.0.1:${port}`, { transports: ["websocket"], reconnection: false });
  await once(socket as never, "connect");
  return {
    io,
    socket,
    async close() {
      socket.disconnect();
      await io.close();
      await close();
    },
  };
}

function next(socket: ClientSocket, event: string): Promise<unknown[]> {
  return new Promise((resolve) => socket.once(event, (...args: unknown[]) => resolve(args)));
}

/** Subscriptions are not awaited by socket.io. */
async function everyServerIsKnown(nodes: readonly Instance[], count = nodes.length): Promise<void> {
  await eventually(async () => {
    const counts = await Promise.all(nodes.map(({ io }) => io.of("/").adapter.serverCount()));
    expect(counts).toEqual(nodes.map(() => count));
  });
}

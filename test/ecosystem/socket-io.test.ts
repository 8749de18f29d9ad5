import { once } from "node:events";
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdapter, createShardedAdapter } from "@socket.io/redis-adapter";
import { Emitter } from "@socket.io/redis-emitter";
import { Server } from "socket.io";
import { type Socket as ClientSocket, io as connect } from "socket.io-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cluster, type Deployment, eventually, faces, oneServer } from "./fixtures.ts";

const variants = [oneServer, cluster].flatMap((deploy) =>
  (["asIoredis", "asNodeRedis"] as const).flatMap((face) =>
    (["classic", "sharded"] as const).map((kind) => ({ deploy, face, kind, where: deploy.name })),
  ),
);

describe.each(variants)("socket.io's $kind adapter over $face, $where", ({ deploy, face, kind }) => {
  let deployment: Deployment;
  let nodes: Instance[];

  beforeAll(async () => {
    deployment = await deploy();
    nodes = await Promise.all([1, 2, 3].map(() => instance(deployment, face, kind)));
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

test("socket.io's emitter reaches the sockets of a server, over asIoredis", async () => {
  const deployment = await oneServer();
  const node = await instance(deployment, "asIoredis", "classic");
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

async function instance(
  deployment: Deployment,
  face: keyof typeof faces,
  kind: "classic" | "sharded",
): Promise<Instance> {
  const client = deployment.client();
  const [pub, sub] = [faces[face](client), faces[face](client)];
  const http: HttpServer = createServer();
  const adapter = kind === "classic" ? createAdapter(pub, sub) : createShardedAdapter(pub as never, sub as never);
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
      await Promise.all([pub.quit(), sub.quit()]);
    },
  };
}

function next(socket: ClientSocket, event: string): Promise<unknown[]> {
  return new Promise((resolve) => socket.once(event, (...args: unknown[]) => resolve(args)));
}

/** Subscriptions are not awaited by socket.io. */
async function everyServerIsKnown(nodes: readonly Instance[]): Promise<void> {
  await eventually(async () => {
    const counts = await Promise.all(nodes.map(({ io }) => io.of("/").adapter.serverCount()));
    expect(counts).toEqual(nodes.map(() => nodes.length));
  });
}

import { once } from "node:events";
import { createRequire } from "node:module";
import Fastify from "fastify";
import mercurius from "mercurius";
import { Redis } from "tidings";
import { asIoredis } from "tidings/compat";
import { expect, test } from "vitest";
import WebSocket from "ws";
import { startServer } from "../support/redis-server.ts";
import { eventually } from "./fixtures.ts";

const mqemitter = createRequire(import.meta.url)("mqemitter-redis");

interface Emitter {
  on(topic: string, listener: (message: unknown, done: () => void) => void, done?: () => void): void;
  emit(message: { topic: string; payload: unknown }, done?: (error?: Error) => void): void;
  close(done: () => void): void;
}

const emitterOn = (client: Redis): Emitter =>
  mqemitter({ subConn: asIoredis(client), pubConn: asIoredis(client) }) as Emitter;

test("mqemitter-redis delivers what was emitted before it closes, by channels and patterns", async () => {
  await using server = await startServer();
  await using client = new Redis(`redis://127.0.0.1:${server.port}`);
  const emitter = emitterOn(client);
  const heard: unknown[] = [];
  const listen = (topic: string): Promise<void> =>
    new Promise((resolve) => {
      const listener = (message: unknown, done: () => void): void => {
        heard.push(message);
        done();
      };
      emitter.on(topic, listener, resolve);
    });
  await listen("hello");
  await listen("many/#");
  emitter.emit({ topic: "hello", payload: 1 });
  emitter.emit({ topic: "many/of/them", payload: 2 });
  await new Promise<void>((resolve) => emitter.close(resolve));
  await eventually(() => expect(heard).toHaveLength(2));
});

test("Mercurius' subscriptions hear another instance, over mqemitter-redis", async () => {
  await using server = await startServer();
  await using client = new Redis(`redis://127.0.0.1:${server.port}`);
  const [here, there] = await Promise.all([instance(client), instance(client)]);
  const socket = new WebSocket(`${there.url}/graphql`, "graphql-transport-ws");
  await once(socket, "open");
  const data: unknown[] = [];
  const types: string[] = [];
  socket.on("message", (text) => {
    const message = JSON.parse(text.toString());
    types.push(message.type);
    if (message.type === "next") data.push(message.payload.data);
  });
  socket.send(JSON.stringify({ type: "connection_init" }));
  await eventually(() => expect(types).toContain("connection_ack"));
  const query = "subscription { added { title } }";
  socket.send(JSON.stringify({ id: "1", type: "subscribe", payload: { query } }));
  await eventually(async () => expect((await client.pubsubNumsub("added")).get("added")).toBe(1));
  const added = await here.app.inject({
    method: "POST",
    url: "/graphql",
    payload: { query: 'mutation { add(title: "one") }' },
  });
  expect(added.json()).toEqual({ data: { add: true } });
  await eventually(() => expect(data).toEqual([{ added: { title: "one" } }]));
  socket.terminate();
  await Promise.all([here.app.close(), there.app.close()]);
});

interface Publisher {
  publish(event: { topic: string; payload: unknown }): Promise<void>;
}

async function instance(client: Redis) {
  const app = Fastify();
  await app.register(mercurius, {
    schema: `
      type Note { title: String }
      type Query { none: Boolean }
      type Mutation { add(title: String): Boolean }
      type Subscription { added: Note }
    `,
    resolvers: {
      Mutation: {
        add: async (_: unknown, { title }: { title: string }, { pubsub }: { pubsub: Publisher }) => {
          await pubsub.publish({ topic: "added", payload: { added: { title } } });
          return true;
        },
      },
      Subscription: {
        added: {
          subscribe: async (_: unknown, __: unknown, { pubsub }: { pubsub: { subscribe(topic: string): never } }) =>
            pubsub.subscribe("added"),
        },
      },
    } as never,
    subscription: { emitter: emitterOn(client) as never },
  });
  const address = await app.listen({ port: 0, host: "127.0.0.1" });
  return { app, url: address.replace("http", "ws") };
}

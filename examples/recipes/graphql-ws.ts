// GraphQL subscriptions over WebSocket with graphql-ws, fed by Redis.

import { buildSchema } from "graphql";
import { useServer } from "graphql-ws/use/ws";
import { Redis } from "tidings";
import { WebSocketServer } from "ws";

const client = new Redis(process.env.REDIS_URL ?? "redis://localhost:6379");

const schema = buildSchema(`
  type Query { ok: Boolean }
  type Subscription { news(topic: String!): String }
`);

const roots = {
  subscription: {
    // What it gives is iterated, and returned when the browser leaves.
    news: async ({ topic }: { topic: string }) => {
      const consumer = await client.subscribe(topic);
      const messages = consumer.messages({ closeOnReturn: true });
      return {
        [Symbol.asyncIterator]: () => ({
          async next() {
            const { done, value } = await messages.next();
            return done ? { done, value } : { done: false, value: { news: value.data } };
          },
          return: () => messages.return?.() ?? Promise.resolve({ done: true, value: undefined }),
        }),
      };
    },
  },
};

const server = new WebSocketServer({ port: Number(process.env.PORT ?? 3000), host: "127.0.0.1", path: "/graphql" });
useServer({ schema, roots }, server);
server.on("listening", () => console.log("listening", JSON.stringify(server.address())));

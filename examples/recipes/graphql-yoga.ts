// GraphQL subscriptions with Yoga, fed by Redis. The client subscribes when a browser does, and leaves with it.

import { createServer } from "node:http";
import { createSchema, createYoga } from "graphql-yoga";
import { json, Redis } from "tidings";

interface Note {
  readonly room: string;
  readonly text: string;
}

const client = new Redis(process.env.REDIS_URL ?? "redis://localhost:6379", { codec: json<Note>() });

const schema = createSchema({
  typeDefs: `
    type Note { room: String!, text: String! }
    type Query { ok: Boolean }
    type Mutation { add(room: String!, text: String!): Int! }
    type Subscription { added(room: String!): Note! }
  `,
  resolvers: {
    Mutation: { add: (_, note: Note) => client.publish(`notes:${note.room}`, note) },
    Subscription: {
      added: {
        subscribe: async (_, { room }: { room: string }) => {
          const consumer = await client.subscribe(`notes:${room}`);
          // Its return() is called when the browser leaves; then the consumer closes.
          return consumer.messages({ closeOnReturn: true });
        },
        resolve: ({ data }: { data: Note }) => data,
      },
    },
  },
});

const server = createServer(createYoga({ schema, logging: false }));
server.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  console.log("listening", JSON.stringify(server.address()));
});

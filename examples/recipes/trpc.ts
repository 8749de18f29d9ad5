// tRPC subscriptions with `tracked`: after a lost connection the browser says which event it saw last, and the server gives
// what came since from a list in Redis.

import { createServer } from "node:http";
import { initTRPC, tracked } from "@trpc/server";
import { nodeHTTPRequestHandler } from "@trpc/server/adapters/node-http";
import { Redis } from "tidings";

const client = new Redis(process.env.REDIS_URL ?? "redis://localhost:6379");
const trpc = initTRPC.create();

/** Numbers, keeps and publishes an event in one step, so that the list and the channel have the same order. */
const ADD = `
  local id = redis.call("RPUSH", KEYS[1], ARGV[1])
  redis.call("PUBLISH", KEYS[1], id)
  return id`;

const router = trpc.router({
  add: trpc.procedure
    .input((text) => String(text))
    .mutation(({ input }) => client.call("EVAL", ADD, 1, "events", input)),
  events: trpc.procedure
    .input((input) => (input ?? {}) as { lastEventId?: string })
    .subscription(async function* ({ input, signal }) {
      // Subscribed before the list is read: what comes between the two is in the list, and its number says so.
      const consumer = await client.subscribe("events", { includeGaps: true, ...(signal ? { signal } : {}) });
      let seen = Number(input.lastEventId ?? 0);
      const missed = async () => (await client.call("LRANGE", "events", seen, -1)) as string[];
      for (const text of await missed()) yield tracked(String(++seen), text);
      // A message or a gap: either way the list has all that is new, and nothing twice.
      for await (const _ of consumer.messages()) {
        for (const text of await missed()) yield tracked(String(++seen), text);
      }
    }),
});
export type Router = typeof router;

const server = createServer((request, response) => {
  const path = new URL(request.url ?? "/", "http://localhost").pathname.slice(1);
  void nodeHTTPRequestHandler({ router, req: request, res: response, path });
});
server.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  console.log("listening", JSON.stringify(server.address()));
});

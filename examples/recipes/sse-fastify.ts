// Server-sent events with Fastify: a stream of messages, which ends with the browser.

import { Readable } from "node:stream";
import Fastify from "fastify";
import { Redis } from "tidings";

const client = new Redis(process.env.REDIS_URL ?? "redis://localhost:6379");
const app = Fastify({ forceCloseConnections: true });

app.get<{ Params: { room: string } }>("/events/:room", async (request, reply) => {
  const gone = new AbortController();
  reply.raw.on("close", () => gone.abort());
  const consumer = await client.subscribe(request.params.room, { signal: gone.signal });
  // Not a generator, nor `.map()` of a stream: both would hold the consumer open until one more message came.
  const events = new Readable({
    read() {
      consumer.receive().then(
        ({ data }) => this.push(`data: ${JSON.stringify(data)}\n\n`),
        () => this.push(null),
      );
    },
  });
  // The head of the answer goes out with its first bytes.
  events.push(": subscribed\n\n");
  return reply.header("cache-control", "no-store").type("text/event-stream").send(events);
});

await app.listen({ port: Number(process.env.PORT ?? 3000), host: "127.0.0.1" });
console.log("listening", JSON.stringify(app.server.address()));

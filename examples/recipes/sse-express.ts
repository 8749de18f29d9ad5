// Server-sent events with Express: one subscription a browser, which ends when the browser leaves.

import { once } from "node:events";
import express from "express";
import { Redis } from "tidings";

const client = new Redis(process.env.REDIS_URL ?? "redis://localhost:6379");
const app = express();

app.get("/events/:room", async (request, response) => {
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  response.flushHeaders();
  try {
    const { signal } = gone;
    // The signal closes the consumer, and with it the loop: also while nothing is published.
    const consumer = await client.subscribe(request.params.room, { signal, includeGaps: true });
    for await (const item of consumer.messages()) {
      const event = item.type === "gap" ? "gap" : "message";
      const data = JSON.stringify(item.type === "gap" ? { from: item.from, to: item.to } : item.data);
      if (!response.write(`event: ${event}\ndata: ${data}\n\n`)) await once(response, "drain", { signal });
    }
  } catch (error) {
    if (!gone.signal.aborted) console.error(error);
  }
  response.end();
});

const server = app.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  console.log("listening", JSON.stringify(server.address()));
});

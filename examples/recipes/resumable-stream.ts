// A long answer (of a language model, say) that survives a reload of the page: its stream is resumed by its id.

import { createServer } from "node:http";
import { Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { createResumableStreamContext } from "resumable-stream";
import { Redis } from "tidings";
import { asNodeRedis } from "tidings/compat";

const client = new Redis(process.env.REDIS_URL ?? "redis://localhost:6379");
const streams = createResumableStreamContext({
  waitUntil: null,
  publisher: asNodeRedis(client),
  subscriber: asNodeRedis(client),
});

/** Stands for a model. */
function answer(): ReadableStream<string> {
  async function* words(): AsyncGenerator<string> {
    for (const word of ["All ", "is ", "well ", "that ", "ends ", "well."]) {
      await pause(50);
      yield word;
    }
  }
  return Readable.toWeb(Readable.from(words())) as ReadableStream<string>;
}

const server = createServer(async (request, response) => {
  const id = request.url ?? "/";
  // Begins it, or resumes it where it runs already; null once it is over.
  const stream = await streams.resumableStream(id, answer);
  response.writeHead(stream === null ? 410 : 200, { "content-type": "text/plain; charset=utf-8" });
  if (stream === null) response.end();
  else Readable.fromWeb(stream as never).pipe(response);
});
server.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  console.log("listening", JSON.stringify(server.address()));
});

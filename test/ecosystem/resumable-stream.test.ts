import { createResumableStreamContext as ofNodeRedis } from "resumable-stream";
import { createResumableStreamContext as ofIoredis } from "resumable-stream/ioredis";
import { Redis } from "tidings";
import { asIoredis, asNodeRedis } from "tidings/compat";
import { expect, test } from "vitest";
import { startServer } from "../support/redis-server.ts";

const shapes = {
  asIoredis: (client: Redis) =>
    ofIoredis({ waitUntil: null, publisher: asIoredis(client), subscriber: asIoredis(client) }),
  asNodeRedis: (client: Redis) =>
    ofNodeRedis({ waitUntil: null, publisher: asNodeRedis(client), subscriber: asNodeRedis(client) }),
} as const;

test.each(["asIoredis", "asNodeRedis"] as const)("resumable-stream resumes a stream over %s", async (shape) => {
  await using server = await startServer();
  await using client = new Redis(`redis://127.0.0.1:${server.port}`);
  const streams = shapes[shape](client);
  let write = (_text: string): void => {};
  let end = (): void => {};
  const source = () =>
    new ReadableStream<string>({
      start(controller) {
        write = (text) => controller.enqueue(text);
        end = () => controller.close();
      },
    });
  const original = await streams.createNewResumableStream("story", source);
  if (original === null) throw new Error("no stream");
  const reader = original.getReader();
  write("once ");
  write("upon ");
  expect((await reader.read()).value).toBe("once ");
  expect((await reader.read()).value).toBe("upon ");

  const resumed = await streams.resumeExistingStream("story");
  if (resumed === null || resumed === undefined) throw new Error("not resumed");
  write("a time");
  end();
  expect(await textOf(resumed)).toBe("once upon a time");
  expect(await streams.hasExistingStream("story")).toBe("DONE");
  expect(await streams.resumeExistingStream("other")).toBeUndefined();
});

async function textOf(stream: ReadableStream<string>): Promise<string> {
  let text = "";
  for await (const part of stream) text += part;
  return text;
}

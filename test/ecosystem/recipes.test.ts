// The programs of examples/recipes, run as users would: scripts/test-ecosystem.mjs copies them beside the libraries.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import WebSocket from "ws";
import { deadline, eventually } from "../support/eventually.ts";
import { type RedisServer, startServer } from "../support/redis-server.ts";

const here = fileURLToPath(new URL(".", import.meta.url));
let server: RedisServer;
const running = new Set<ChildProcess>();

beforeAll(async () => {
  server = await startServer();
});

afterEach(() => {
  for (const child of running) child.kill("SIGKILL");
  running.clear();
});

afterAll(() => server.stop());

/** Runs a recipe; resolves to what it has printed when it has ended. */
async function outputOf(recipe: string): Promise<string> {
  const { child, output } = run(recipe);
  const [code] = await deadline(once(child, "exit"), 20_000, `${recipe} to end`);
  expect(code, output()).toBe(0);
  return output();
}

/** Runs a recipe that serves; resolves to its port. */
async function portOf(recipe: string): Promise<number> {
  const { output } = run(recipe);
  const [, port] = await eventually(
    () => {
      const found = /listening .*"port":(\d+)/.exec(output());
      expect(found, output()).not.toBeNull();
      return found as RegExpExecArray;
    },
    { timeout: 20_000 },
  );
  return Number(port);
}

function run(recipe: string): { readonly child: ChildProcess; output(): string } {
  const child = spawn(process.execPath, ["--import", "tsx", `recipes/${recipe}.ts`], {
    cwd: here,
    env: { ...process.env, REDIS_URL: server.url, PORT: "0" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => (text += String(chunk)));
  return { child, output: () => text };
}

async function subscribers(channel: string): Promise<number> {
  const [, count] = (await server.control.command("PUBSUB", "NUMSUB", channel)) as [string, number];
  return count;
}

const publish = (channel: string, text: string) => server.control.command("PUBLISH", channel, text);

/** The text of a response, as far as it has come; `leave` is what a browser does that is closed. */
async function stream(url: string, init: RequestInit = {}) {
  const gone = new AbortController();
  const response = await fetch(url, { ...init, signal: gone.signal });
  let text = "";
  void (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) text += decoder.decode(chunk as Uint8Array, { stream: true });
  })().catch(() => {});
  return { text: () => text, leave: () => gone.abort() };
}

describe.each(["sse-express", "sse-fastify"])("%s", (recipe) => {
  test("streams messages, and ends its subscription when the browser leaves a silent room", async () => {
    const port = await portOf(recipe);
    const events = await stream(`http://127.0.0.1:${port}/events/room`);
    await eventually(async () => expect(await subscribers("room")).toBe(1));
    await publish("room", "ä");
    await eventually(() => expect(events.text()).toContain('data: "ä"\n\n'));
    events.leave();
    await eventually(async () => expect(await subscribers("room")).toBe(0));
  });
});

test("sse-express tells a browser of a gap", async () => {
  const port = await portOf("sse-express");
  const events = await stream(`http://127.0.0.1:${port}/events/room`);
  await eventually(async () => expect(await subscribers("room")).toBe(1));
  await server.control.command("CLIENT", "KILL", "TYPE", "pubsub");
  await eventually(() => expect(events.text()).toMatch(/event: gap\ndata: {"from":\d+,"to":\d+}/));
});

test("request-reply", async () => {
  expect(await outputOf("request-reply")).toBe("[ 6, 9 ]\n");
});

test("nest", async () => {
  expect(await outputOf("nest")).toMatch(/^sum 6$/m);
});

test("graphql-yoga: a subscription begins and ends with the browser's", async () => {
  const url = `http://127.0.0.1:${await portOf("graphql-yoga")}/graphql`;
  const post = (query: string, accept: string): RequestInit => ({
    method: "POST",
    headers: { "content-type": "application/json", accept },
    body: JSON.stringify({ query }),
  });
  const events = await stream(url, post('subscription { added(room: "a") { text } }', "text/event-stream"));
  await eventually(async () => expect(await subscribers("notes:a")).toBe(1));
  const added = await fetch(url, post('mutation { add(room: "a", text: "one") }', "application/json"));
  expect(await added.json()).toEqual({ data: { add: 1 } });
  await eventually(() => expect(events.text()).toContain('{"data":{"added":{"text":"one"}}}'));
  events.leave();
  await eventually(async () => expect(await subscribers("notes:a")).toBe(0));
});

test("graphql-ws: a subscription begins and ends with the browser's", async () => {
  const port = await portOf("graphql-ws");
  const socket = new WebSocket(`ws://127.0.0.1:${port}/graphql`, "graphql-transport-ws");
  await once(socket, "open");
  const messages: { type: string; payload?: unknown }[] = [];
  socket.on("message", (text) => messages.push(JSON.parse(text.toString())));
  socket.send(JSON.stringify({ type: "connection_init" }));
  await eventually(() => expect(messages).toHaveLength(1));
  socket.send(JSON.stringify({ id: "1", type: "subscribe", payload: { query: 'subscription { news(topic: "t") }' } }));
  await eventually(async () => expect(await subscribers("t")).toBe(1));
  await publish("t", "one");
  await eventually(() => expect(messages[1]).toMatchObject({ type: "next", payload: { data: { news: "one" } } }));
  socket.terminate();
  await eventually(async () => expect(await subscribers("t")).toBe(0));
});

test("trpc: what came while the browser was away is given when it returns, and nothing twice", async () => {
  const url = `http://127.0.0.1:${await portOf("trpc")}`;
  const add = (text: string) =>
    fetch(`${url}/add`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(text),
    });
  const since = (id: number) =>
    stream(`${url}/events?input=${encodeURIComponent(JSON.stringify({ lastEventId: id }))}`);
  const first = await since(0);
  await eventually(async () => expect(await subscribers("events")).toBe(1));
  await add("one");
  await eventually(() => expect(first.text()).toMatch(/data: "one"\s+id: 1|id: 1\s+data: "one"/));
  first.leave();
  await eventually(async () => expect(await subscribers("events")).toBe(0));
  await add("two");
  const second = await since(1);
  await eventually(() => expect(second.text()).toContain('"two"'));
  await server.control.command("CLIENT", "KILL", "TYPE", "pubsub");
  await add("three");
  await eventually(() => expect(second.text()).toContain('"three"'));
  expect([...second.text().matchAll(/"(one|two|three)"/g)].map(([, word]) => word)).toEqual(["two", "three"]);
});

test("crossws: browsers of two servers hear each other", async () => {
  const ports = await Promise.all([portOf("crossws"), portOf("crossws")]);
  const [one, other] = ports.map((port) => new WebSocket(`ws://127.0.0.1:${port}`)) as [WebSocket, WebSocket];
  await Promise.all([once(one, "open"), once(other, "open")]);
  await eventually(async () => expect(await subscribers("chat")).toBe(2));
  const heard: string[] = [];
  other.on("message", (text) => heard.push(text.toString()));
  await eventually(() => {
    one.send("hello");
    expect(heard).toContain("hello");
  });
  one.terminate();
  other.terminate();
});

test("resumable-stream: a second reader gets the whole answer", async () => {
  const url = `http://127.0.0.1:${await portOf("resumable-stream")}/answer`;
  const first = await stream(url);
  await eventually(() => expect(first.text()).toContain("All is"));
  first.leave();
  const second = await fetch(url);
  expect(await second.text()).toBe("All is well that ends well.");
  expect((await fetch(url)).status).toBe(410);
});

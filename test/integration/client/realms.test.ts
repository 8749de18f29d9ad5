import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createContext, runInContext } from "node:vm";
import type * as Tidings from "tidings";
import { build } from "tsdown";
import { beforeAll, describe, expect, test } from "vitest";
import { startFakeServer } from "../../support/fake-server.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

/** The library as CommonJS. */
let source: string;

beforeAll(async () => {
  const outDir = temporaryDirectory();
  const common = { config: false, dts: false, clean: false, logLevel: "silent", platform: "node" } as const;
  await build({ ...common, entry: ["src/index.ts"], format: "cjs", outDir, target: "node20" });
  source = readFileSync(join(outDir, "index.cjs"), "utf8");
});

/** What a context gets of Node besides what the language brings. */
const { process, setTimeout, clearTimeout, queueMicrotask, Buffer, URL, AbortController, AbortSignal, performance } =
  globalThis;
const ofNode = { process, setTimeout, clearTimeout, queueMicrotask, Buffer, URL, performance };

/** Loads the library in a context of its own: nothing is the same there but Node's modules and the globals given. */
function load(globals: object): typeof Tidings {
  const context = createContext({ ...ofNode, ...globals });
  const module = { exports: {} };
  const wrapped = `(function (exports, require, module) {${source}\n})`;
  runInContext(wrapped, context)(module.exports, createRequire(import.meta.url), module);
  return module.exports as typeof Tidings;
}

/** A signal with the few members of jsdom's. */
class PlainSignal extends EventTarget {
  aborted = false;
  reason: unknown;
}

class PlainController {
  readonly signal = new PlainSignal();

  abort(reason: unknown = new Error("aborted")): void {
    this.signal.aborted = true;
    this.signal.reason = reason;
    this.signal.dispatchEvent(new Event("abort"));
  }
}

describe.each<[string, object]>([
  ["a vm context", { AbortController, AbortSignal, setImmediate, clearImmediate }],
  ["a context with the main one's bytes", { AbortController, AbortSignal, setImmediate, clearImmediate, Uint8Array }],
  ["a context like jsdom's", { AbortController: PlainController, AbortSignal: PlainSignal }],
])("in %s", (_what, globals) => {
  test("a client connects, publishes, receives, reconnects and closes", async () => {
    await using server = await startFakeServer();
    const { Redis, bytes } = load(globals);
    const client = new Redis(new URL(server.url), { codec: bytes, retryPolicy: () => 1 });
    const consumer = await client.pubsub({ channels: [Buffer.from("a"), "b"], ignoreSubscribeMessages: true });
    await client.publish(Buffer.from("a"), Uint8Array.of(1, 2));
    expect(await consumer.receive({ timeout: 5000 })).toMatchObject({ channel: "a", data: Buffer.of(1, 2) });
    const restored = new Promise((resolve) => consumer.once("gap", resolve));
    for (const connection of server.connections) connection.reset();
    await restored;
    await client.publish("b", Buffer.of(3));
    expect(await consumer.receive({ timeout: 5000 })).toMatchObject({ channel: "b", data: Buffer.of(3) });
    await client.close();
    expect(consumer.state).toBe("closed");
  });

  test.each<[string, () => { readonly signal: unknown; abort(reason: unknown): void }]>([
    ["of the main context", () => new AbortController()],
    ["of another implementation", () => new PlainController()],
  ])("a signal %s ends what it is given to", async (_which, make) => {
    await using server = await startFakeServer();
    const { Redis } = load(globals);
    const [ofClient, ofCall] = [make(), make()];
    const client = new Redis(server.url, { signal: ofClient.signal as AbortSignal });
    const consumer = await client.pubsub({ channels: "a", ignoreSubscribeMessages: true });
    const waiting = consumer.receive({ signal: ofCall.signal as AbortSignal });
    const reason = new Error("enough");
    ofCall.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    await expect(consumer.subscribe(["b"], { signal: ofCall.signal as AbortSignal })).rejects.toBe(reason);
    const closed = new Promise<void>((resolve) => client.once("close", resolve));
    ofClient.abort(reason);
    await closed;
    expect(consumer.state).toBe("closed");
  });

  test("an error is known by its class in either copy", async () => {
    const { ArgumentError, Redis } = load(globals);
    const refused = () => new Redis("http://localhost");
    expect(refused).toThrow(ArgumentError);
    expect(refused).toThrow((await import("tidings")).ArgumentError);
  });
});

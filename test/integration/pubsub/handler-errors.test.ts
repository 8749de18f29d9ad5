import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { HandlerError, TidingsError } from "tidings";
import { expect, test } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { message, onEveryKind, receiveMany } from "./fixtures.ts";

const run = promisify(execFile);
const library = new URL("../../../src/index.ts", import.meta.url).href;
const project = fileURLToPath(new URL("../../../", import.meta.url));

/** Runs a script with the library and a consumer in a process of its own; gives how it ended and what it printed. */
async function runScript(
  body: string,
  url: string,
  protocol: 2 | 3,
): Promise<{ code: number; out: string; err: string }> {
  const script = `
    import { Redis } from ${JSON.stringify(library)};
    const client = new Redis(${JSON.stringify(url)}, { protocol: ${protocol} });
    ${body}
  `;
  const args = ["--import", "tsx", "--input-type=module", "--eval", script];
  return run(process.execPath, args, { cwd: project, timeout: 15_000 }).then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      out: error.stdout,
      err: error.stderr,
    }),
  );
}

onEveryKind("handlers that fail", (bench) => {
  test.each<[string, (thrown: Error) => unknown]>([
    [
      "throws",
      (thrown) => {
        throw thrown;
      },
    ],
    ["rejects", async (thrown) => Promise.reject(thrown)],
  ])("one that %s emits an error with the cause, and no other message is disturbed", async (_, fail) => {
    const thrown = new Error("mine");
    const errors: Error[] = [];
    const seen: string[] = [];
    const consumer = await bench.consumer({ channels: "queue" });
    consumer.on("error", (error) => errors.push(error));
    await consumer.subscribe("a", ({ data }) => {
      seen.push(data);
      return data === "bad" ? fail(thrown) : undefined;
    });
    await consumer.subscribe("b", ({ data }) => seen.push(data));
    for (const [channel, payload] of [
      ["a", "bad"],
      ["a", "good"],
      ["b", "other"],
      ["queue", "read"],
    ] as const) {
      await bench.publish(channel, payload);
    }
    expect(await receiveMany(consumer, 1)).toEqual([message("queue", "read")]);
    await eventually(() => expect([...seen].sort()).toEqual(["bad", "good", "other"]));
    await eventually(() => expect(errors).toHaveLength(1));
    const [error] = errors;
    expect(error).toBeInstanceOf(HandlerError);
    expect(error).toBeInstanceOf(TidingsError);
    expect(error).toMatchObject({ code: "HANDLER", channel: "a", pattern: null });
    expect(error?.cause).toBe(thrown);
    expect(consumer.state).toBe("live");
  });

  test.runIf(bench.patterns)(
    "the error of a pattern's handler names pattern and channel, and shows no payload",
    async () => {
      const errors: Error[] = [];
      const consumer = await bench.consumer({
        patternHandlers: {
          "a*": () => {
            throw new Error("mine");
          },
        },
      });
      consumer.on("error", (error) => errors.push(error));
      await bench.publish("abc", "confidential");
      await eventually(() => expect(errors).toHaveLength(1));
      expect(errors[0]).toMatchObject({ channel: "abc", pattern: "a*" });
      expect(`${errors[0]?.message}${JSON.stringify(errors[0])}`).not.toContain("confidential");
    },
  );

  test("each failure is an error of its own", async () => {
    let errors = 0;
    const consumer = await bench.consumer({
      channelHandlers: {
        a: () => {
          throw new Error("always");
        },
      },
    });
    consumer.on("error", () => errors++);
    for (let n = 0; n < 20; n++) await bench.publish("a", "x");
    await eventually(() => expect(errors).toBe(20));
  });

  test("what a handler throws that is no Error is the cause all the same", async () => {
    const errors: Error[] = [];
    const consumer = await bench.consumer({
      channelHandlers: {
        a: () => {
          // biome-ignore lint/style/useThrowOnlyError: users do so
          throw "just text";
        },
        b: () => Promise.reject(undefined),
      },
    });
    consumer.on("error", (error) => errors.push(error));
    await bench.publish("a", "x");
    await bench.publish("b", "x");
    await eventually(() => expect(errors.map(({ cause }) => cause)).toEqual(["just text", undefined]));
  });

  test.runIf(bench.kind === "server")(
    "without a listener it is an uncaught exception that ends the process",
    async () => {
      const body = `
      const consumer = await client.pubsub();
      await consumer.subscribe("a", () => { throw new Error("nobody listens"); });
      await client.publish("a", "x");
      setTimeout(() => console.log("still here"), 10_000);
    `;
      const { code, out, err } = await runScript(body, bench.server.url, bench.protocol);
      expect(code).not.toBe(0);
      expect(err).toContain("HandlerError");
      expect(err).toContain("nobody listens");
      expect(out).not.toContain("still here");
    },
  );

  test.runIf(bench.kind === "server")(
    "without a listener a process that catches it goes on, and so do all messages",
    async () => {
      const body = `
      const caught = [];
      process.on("uncaughtException", (error) => caught.push(error.name));
      const consumer = await client.pubsub({ channels: "queue" });
      await consumer.subscribe("a", async ({ data }) => { if (data !== "last") throw new Error("nobody listens"); });
      for (const data of ["1", "2", "last"]) await client.publish("a", data);
      await client.publish("queue", "read");
      const { data } = await consumer.receive({ timeout: 5000 });
      while (caught.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
      console.log(data, caught.join());
      await client.close();
    `;
      const { code, out } = await runScript(body, bench.server.url, bench.protocol);
      expect([code, out.trim()]).toEqual([0, "read HandlerError,HandlerError"]);
    },
  );

  test.runIf(bench.kind === "server")("a refused payload without a listener disturbs no process", async () => {
    const body = `
      const { json } = await import(${JSON.stringify(library)});
      const consumer = await client.pubsub({ channels: "queue", codec: json(), channelHandlers: { a: () => {} } });
      for (const channel of ["a", "queue"]) await client.publish(channel, "{ no json");
      await client.publish("queue", "[1]");
      const { data } = await consumer.receive({ timeout: 5000 });
      console.log(JSON.stringify(data));
      await client.close();
    `;
    const { code, out, err } = await runScript(body, bench.server.url, bench.protocol);
    expect([code, out.trim()]).toEqual([0, "[1]"]);
    expect(err.match(/TIDINGS_REFUSED/g)).toHaveLength(1);
  });
});

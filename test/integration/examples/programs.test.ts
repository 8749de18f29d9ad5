import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { atExit } from "../../support/at-exit.ts";
import { deadline, eventually } from "../../support/eventually.ts";
import { type RedisServer, startServer } from "../../support/redis-server.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const LONG = 30_000;
let server: RedisServer;
const running = new Set<ChildProcess>();

beforeAll(async () => {
  server = await startServer();
});

afterAll(() => server.stop());

atExit(() => {
  for (const child of running) child.kill("SIGKILL");
});

/** Runs a program of the repository as a user would, from its sources. */
function run(file: string): { readonly child: ChildProcess; readonly output: () => string } {
  const child = spawn(process.execPath, ["--import", "tsx", file], {
    cwd: root,
    env: { ...process.env, REDIS_URL: server.url },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  child.once("exit", () => running.delete(child));
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => (text += String(chunk)));
  return { child, output: () => text };
}

test("a worker that gets SIGTERM finishes its job and those that have arrived", { timeout: LONG }, async () => {
  const { child, output } = run("examples/graceful-shutdown.ts");
  await eventually(() => expect(output()).toContain("ready"), { timeout: LONG });
  for (const job of ["1", "2", "3"]) await server.control.command("PUBLISH", "jobs", job);
  await eventually(() => expect(output()).toContain("begin 1"));
  child.kill("SIGTERM");
  const [code] = await deadline(once(child, "exit"), LONG, "the worker to end");
  expect(output().trim().split("\n")).toEqual([
    "ready",
    ...["1", "2", "3"].flatMap((job) => [`begin ${job}`, `end ${job}`]),
    "ended: 3 received, 3 done, 0 abandoned",
  ]);
  expect(code).toBe(0);
});

test("a trace goes from the publisher to the subscriber, and a meter is given what to watch", {
  timeout: LONG,
}, async () => {
  const { child, output } = run("examples/open-telemetry.ts");
  const [code] = await deadline(once(child, "exit"), LONG, "the program to end");
  const spanOf = (name: string): Record<string, string> =>
    new RegExp(`^span: ${name} \\((?<id>\\w+)\\), trace (?<trace>\\w+), parent (?<parent>\\w+)$`, "m").exec(output())
      ?.groups ?? {};
  const [request, published, processed] = ["POST /orders", "publish orders", "process orders"].map(spanOf);
  expect(request).toMatchObject({ id: expect.any(String), parent: "none" });
  expect(published).toMatchObject({ trace: request?.trace, parent: request?.id });
  expect(processed).toMatchObject({ trace: request?.trace, parent: published?.id });
  const counts = output()
    .split("\n")
    .filter((line) => line.startsWith("metric: "));
  expect(counts).toEqual(
    expect.arrayContaining([
      "metric: tidings.received 6 {}",
      "metric: tidings.delivered 2 {}",
      "metric: tidings.dropped 3 {}",
      "metric: tidings.pending 1 {}",
      "metric: tidings.gaps 1 { cause: 'overflow' }",
      "metric: tidings.consumers 1 { state: 'live' }",
    ]),
  );
  expect(code).toBe(0);
});

test("the README's first program runs and ends", { timeout: LONG }, async () => {
  const [, code = ""] =
    /^```js\n(\/\/ first\.mjs\n.*?)^```/ms.exec(readFileSync(join(root, "README.md"), "utf8")) ?? [];
  expect(code).toContain('from "tidings"');
  const folder = mkdtempSync(join(root, "test", ".first-"));
  try {
    const file = join(folder, "first.ts");
    writeFileSync(file, code.replace("redis://localhost:6379", server.url));
    const { child, output } = run(file);
    const [status] = await deadline(once(child, "exit"), LONG, "the program to end");
    expect(output()).toContain("hello");
    expect(status).toBe(0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

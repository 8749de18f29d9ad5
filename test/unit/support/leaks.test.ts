import { once } from "node:events";
import * as net from "node:net";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { baseline, expectBaseline, expectSteadyHeap } from "../../support/leaks.ts";
import { watchResources } from "../../support/resource-watch.ts";

describe("leaks", () => {
  test("a socket, a timer or a listener left over is found", async () => {
    const before = baseline();
    const quick = { timeout: 100 };
    const timer = setTimeout(() => {}, 60_000);
    await expect(expectBaseline(before, quick)).rejects.toThrow("Timeout rather than");
    clearTimeout(timer);
    await expectBaseline(before);
    const listener = net.createServer().listen(0, "127.0.0.1");
    await once(listener, "listening");
    await expect(expectBaseline(before, quick)).rejects.toThrow("TCPServerWrap rather than");
    listener.close();
    await expectBaseline(before);
    const listen = (): void => {};
    process.on("SIGUSR2", listen);
    await expect(expectBaseline(before, quick)).rejects.toThrow("listeners for process SIGUSR2");
    process.off("SIGUSR2", listen);
    await expectBaseline(before);
  });

  test("the watch sees what was unref'd, and who made it", async () => {
    using watch = watchResources(fileURLToPath(new URL(".", import.meta.url)));
    const timer = setInterval(() => {}, 60_000).unref();
    const listener = net.createServer().listen(0, "127.0.0.1").unref();
    await once(listener, "listening");
    expect(watch.alive).toHaveLength(2);
    expect(watch.alive.join("\n")).toMatch(/Timeout .*leaks\.test\.ts/);
    await expect(watch.expectNone({ timeout: 50 })).rejects.toThrow("left over");
    clearInterval(timer);
    listener.close();
    await watch.expectNone();
    setTimeout(() => {}, 1);
    await watch.expectNone();
  });

  test("a heap that grows is found, a steady one is not", async () => {
    const kept: unknown[] = [];
    const leak = async (): Promise<void> => {
      kept.push(new Array(1_000).fill(kept.length));
    };
    await expect(expectSteadyHeap(leak)).rejects.toThrow("the heap grew by");
    const frugal = async (): Promise<void> => {
      new Array(1_000).fill(kept.length);
    };
    await expectSteadyHeap(frugal);
  });
});

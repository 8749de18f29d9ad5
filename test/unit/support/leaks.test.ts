import { once } from "node:events";
import * as net from "node:net";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { baseline, expectBaseline, expectSteadyHeap, heapUsed } from "../../support/leaks.ts";
import { watchResources } from "../../support/resource-watch.ts";
import { leakSocket, leakTimer } from "./leaking.ts";

describe("leaks", () => {
  test("a socket, a timer or a listener left over is found", async () => {
    const before = baseline();
    const quick = { timeout: 100 };
    // Several, for the runner's own timers come and go.
    const timers = Array.from({ length: 10 }, () => setTimeout(() => {}, 60_000));
    await expect(expectBaseline(before, quick)).rejects.toThrow("Timeout rather than");
    for (const timer of timers) clearTimeout(timer);
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
    const listener = net.createServer().listen(0, "127.0.0.1");
    await once(listener, "listening");
    using watch = watchResources(fileURLToPath(new URL("leaking.ts", import.meta.url)));
    const timer = leakTimer();
    const socket = leakSocket((listener.address() as net.AddressInfo).port);
    expect(watch.alive.join("\n")).toMatch(
      /^Timeout at leakTimer .*leaking\.ts.*\nTCPWRAP at .*leakSocket .*leaking\.ts/,
    );
    await expect(watch.expectNone({ timeout: 50 })).rejects.toThrow("left over");
    clearInterval(timer);
    await eventually(() => expect(watch.alive).toHaveLength(1));
    socket.destroy();
    await watch.expectNone();
    listener.close();
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
    const before = await heapUsed();
    kept.length = 0;
    expect(await heapUsed()).toBeLessThan(before);
  });
});

import { setTimeout as sleep } from "node:timers/promises";
import { killClient, killSubscribers, subscriberClients } from "../support/clients.ts";
import { eventually } from "../support/eventually.ts";
import type { TcpProxy } from "../support/proxy.ts";
import type { RedisServer } from "../support/redis-server.ts";

/** What faults are done to. */
export interface ServerStage {
  readonly server: RedisServer;
  readonly proxy: TcpProxy;
}

type Fault = (stage: ServerStage, random: (below: number) => number) => Promise<void>;

/** For a while, then never more. */
async function during(milliseconds: number, { proxy }: ServerStage): Promise<void> {
  await sleep(milliseconds);
  await proxy.heal();
}

/** What may happen to one server and the way to it. Each mends what it has done. */
export const serverFaults: Readonly<Record<string, Fault>> = {
  async "one connection is killed"({ server }, random) {
    const subscribers = await subscriberClients(server.control);
    const chosen = subscribers[random(1000) % subscribers.length];
    if (chosen !== undefined) await killClient(server.control, chosen.id);
  },
  async "all subscribers are killed"({ server }) {
    await killSubscribers(server.control);
  },
  async "all connections are reset"({ proxy }) {
    proxy.cut("reset");
  },
  async "all connections are closed"({ proxy }) {
    proxy.cut("end");
  },
  async "a cut at any byte"({ proxy }, random) {
    const before = proxy.cuts;
    proxy.cutAfterBytes(1 + random(3000), { connections: "open" });
    await eventually(() => {
      if (proxy.cuts === before) throw new Error("no connection was cut");
    });
  },
  async "no byte passes"(stage, random) {
    stage.proxy.blackhole();
    await during(100 + random(3000), stage);
  },
  async "nothing comes from the server"(stage, random) {
    stage.proxy.stall("toClient");
    await during(100 + random(3000), stage);
  },
  async "nothing reaches the server"(stage, random) {
    stage.proxy.stall("toServer");
    await during(100 + random(3000), stage);
  },
  async fragments(stage, random) {
    stage.proxy.fragment(1 + random(7));
    await during(300, stage);
  },
  async "a slow way"(stage, random) {
    stage.proxy.delay(10 + random(90));
    await during(500, stage);
  },
  async "connections are refused"(stage, random) {
    stage.proxy.refuse();
    stage.proxy.cut("reset");
    await during(100 + random(1000), stage);
  },
  async "connections are taken and nothing more"(stage, random) {
    stage.proxy.hold();
    stage.proxy.cut("reset");
    await during(100 + random(1000), stage);
  },
  async "a restart"({ server }) {
    await server.restart();
  },
  async "a crash"({ server }) {
    await server.restart({ signal: "SIGKILL" });
  },
  async "a frozen server"({ server }, random) {
    server.freeze();
    await sleep(100 + random(3000));
    server.thaw();
  },
  async "a link that flaps"({ proxy }, random) {
    for (let cut = 0; cut < 6; cut++) {
      proxy.cut(random(2) === 0 ? "reset" : "end");
      await sleep(50 + random(200));
    }
  },
};

import { setTimeout as sleep } from "node:timers/promises";
import { killSubscribers } from "../support/clients.ts";
import { startProxy, type TcpProxy } from "../support/proxy.ts";
import { type RedisServer, startServer } from "../support/redis-server.ts";
import { startStamper } from "../support/stamper.ts";
import { type Outcome, Subscriber } from "./witness.ts";

/** What a row has to do with. */
interface ServerStage {
  readonly server: RedisServer;
  readonly proxy: TcpProxy;
  readonly subscriber: Subscriber;
}

/** A row of the matrix on one server. */
export interface ServerRow {
  readonly row: number;
  readonly fault: string;
  /** Channels that are subscribed; ten of them are published to. Default 10. */
  readonly channels?: number;
  /** Whether the clients are set to notice silence after seconds. */
  readonly alert?: boolean;
  /** Channels that are judged, of the ten. Default: all. */
  readonly judged?: number;
  /** Does it; resolves when it is over, to the moment from which the way back is counted. */
  play(stage: ServerStage): Promise<number>;
  /** Further facts for the table. */
  facts?(stage: ServerStage, before: number): Promise<string>;
}

const now = () => Date.now();

/** What is open now hears nothing more, for good; new connections work. */
function forsake({ proxy }: ServerStage, directions: readonly ("toClient" | "toServer")[]): void {
  for (const connection of proxy.connections) {
    for (const direction of directions) connection.setFaults(direction, { stalled: true });
  }
}

const attempts = async ({ proxy }: ServerStage, before: number) => `${proxy.accepted.length - before} attempts`;

export const serverRows: readonly ServerRow[] = [
  {
    row: 1,
    fault: "the subscriber's connection is killed",
    async play({ server }) {
      const at = now();
      await killSubscribers(server.control);
      return at;
    },
  },
  {
    row: 2,
    fault: "the same with 1,000 subscriptions",
    channels: 1000,
    async play({ server }) {
      const at = now();
      await killSubscribers(server.control);
      return at;
    },
  },
  {
    row: 4,
    fault: "a cut inside a frame",
    async play({ proxy }) {
      proxy.cutAfterBytes(1111, { connections: "open" });
      while (proxy.cuts === 0) await sleep(2);
      return now();
    },
  },
  {
    row: 6,
    fault: "a restart",
    async play({ server }) {
      await server.restart();
      return now();
    },
  },
  {
    row: 7,
    fault: "a crash (kill -9) and a start",
    async play({ server }) {
      await server.restart({ signal: "SIGKILL" });
      return now();
    },
  },
  {
    row: 8,
    fault: "the server is frozen for 5 s",
    alert: true,
    async play({ server }) {
      server.freeze();
      await sleep(5000);
      server.thaw();
      return now();
    },
  },
  {
    row: 9,
    fault: "a stall of 0.5 s",
    async play({ server }) {
      await server.openControl().command("DEBUG", "SLEEP", "0.5");
      return now();
    },
    facts: attempts,
  },
  {
    row: 12,
    fault: "a half-open connection",
    alert: true,
    async play(stage) {
      forsake(stage, ["toClient", "toServer"]);
      return now();
    },
  },
  {
    row: 14,
    fault: "nothing comes from the server",
    alert: true,
    async play(stage) {
      forsake(stage, ["toClient"]);
      return now();
    },
  },
  {
    row: 16,
    fault: "resets every 200 ms for 4 s",
    async play({ proxy }) {
      for (let i = 0; i < 20; i++) {
        proxy.cut("reset");
        await sleep(200);
      }
      return now();
    },
    facts: attempts,
  },
  {
    row: 20,
    fault: "the password changes; 5 s later it is the old one again",
    async play({ server, subscriber }) {
      await server.control.command("ACL", "SETUSER", "default", "resetpass", ">another");
      await killSubscribers(server.control);
      await sleep(5000);
      await server.control.command("ACL", "SETUSER", "default", "resetpass", "nopass");
      subscriber.send({ mended: true });
      return now();
    },
    facts: attempts,
  },
  {
    row: 21,
    fault: "one of ten channels is forbidden",
    judged: 9,
    async play({ server }) {
      const allowed = Array.from({ length: 9 }, (_, index) => `&c${index}`);
      const at = now();
      await server.control.command("ACL", "SETUSER", "default", "resetchannels", ...allowed);
      return at;
    },
  },
  {
    row: 25,
    fault: "a handler throws",
    async play({ subscriber }) {
      subscriber.send({ throws: true });
      await subscriber.receives(50);
      return now();
    },
  },
  {
    row: 50,
    fault: "the event loop is blocked for 3 s",
    alert: true,
    async play({ subscriber }) {
      subscriber.send({ block: 3000 });
      await sleep(3100);
      return now();
    },
    facts: attempts,
  },
];

/** Plays a row with a client; the server is its own. */
export async function playServerRow(row: ServerRow, client: string): Promise<{ outcome: Outcome; facts: string }> {
  await using server = await startServer();
  await using proxy = await startProxy(server.port);
  const channels = Array.from({ length: row.channels ?? 10 }, (_, index) => `c${index}`);
  const published = channels.slice(0, 10);
  const subscriber = await Subscriber.start({
    client,
    ports: [proxy.port],
    channels,
    sharded: false,
    alert: row.alert ?? false,
    ...(row.row === 20 ? { password: "any" } : {}),
  });
  try {
    const stamper = startStamper({ sender: server.openControl(), channels: published, interval: 10 });
    await subscriber.receives(200);
    const stage = { server, proxy, subscriber };
    const before = proxy.accepted.length;
    const mended = await row.play(stage);
    const facts = (await row.facts?.(stage, before)) ?? "";
    const outcome = await subscriber.judge(stamper, mended, published.slice(0, row.judged ?? 10));
    proxy.cut("reset");
    return { outcome, facts };
  } finally {
    await subscriber.stop();
  }
}

import { describe, expect, test, vi } from "vitest";
import { type Discovered, type DiscoveryOptions, discover } from "../../../src/cluster/discovery.ts";
import { isTerminal } from "../../../src/connection/refusals.ts";
import { ClusterError, ConnectionError, ServerError } from "../../../src/errors.ts";
import type { Reply } from "../../../src/resp/reply.ts";
import { stopClock } from "../../support/fake-clock.ts";

/** What a fake node does when it is asked. */
interface FakeNode {
  /** `false`: it never answers. */
  readonly info?: string | Error | false;
  readonly shards?: Reply | Error;
  readonly slots?: Reply | Error;
  /** Why it cannot be reached. */
  readonly refuses?: Error;
  /** It does not connect until it is given up. */
  readonly hangs?: boolean;
}

const OK = "cluster_state:ok\r\ncluster_slots_pfail:0\r\n";
const ISOLATED = "cluster_state:fail\r\ncluster_slots_pfail:9\r\n";

/** A cluster of one node, known by its port. */
const shards = (port: number, slots: number[] = [0, 16_383]): Reply => [
  new Map<Reply, Reply>([
    ["slots", slots],
    ["nodes", [new Map<Reply, Reply>(Object.entries({ endpoint: "h", port, role: "master", health: "online" }))]],
  ]),
];

/** Asks fake nodes, numbered from 1; notes who is asked, and that each line is ended. */
function ask(nodes: readonly FakeNode[], signal = new AbortController().signal) {
  const asked: number[] = [];
  let open = 0;
  const options: DiscoveryOptions = {
    tls: false,
    translate: (announced) => announced,
    line: async ({ port }, given) => {
      asked.push(port);
      const node = nodes[port - 1] ?? {};
      if (node.refuses !== undefined) throw node.refuses;
      const silence = new Promise<never>((_, reject) => {
        given.addEventListener("abort", () => reject(given.reason), { once: true });
      });
      silence.catch(() => {});
      if (node.hangs) await silence;
      open++;
      return {
        command: async ([, subcommand]) => {
          const reply = { INFO: node.info ?? OK, SHARDS: node.shards ?? shards(port), SLOTS: node.slots ?? [] }[
            subcommand as "INFO"
          ];
          if (reply === false) return silence;
          if (reply instanceof Error) throw reply;
          return reply;
        },
        end: () => {
          open--;
        },
      };
    },
  };
  const addresses = nodes.map((_, index) => ({ host: "h", port: index + 1 }));
  return { found: discover(addresses, options, signal), asked, open: () => open };
}

const ports = ({ layout }: Discovered): number[] => [...layout.nodes.values()].map(({ port }) => port);

describe("asking for the layout", () => {
  test("the first that answers will do; the others are not asked", async () => {
    const { found, asked, open } = ask([{}, {}, {}]);
    expect(ports(await found)).toEqual([1]);
    expect([asked, open()]).toEqual([[1], 0]);
  });

  test("one that cannot be reached costs nothing but the attempt", async () => {
    const { found, asked } = ask([{ refuses: new ConnectionError("refused") }, {}]);
    expect(ports(await found)).toEqual([2]);
    expect(asked).toEqual([1, 2]);
  });

  test("past one that is silent, whether it connects or not", async () => {
    using _ = stopClock();
    for (const silent of [{ hangs: true }, { info: false as const }]) {
      const { found, asked, open } = ask([silent, silent, {}]);
      await vi.advanceTimersByTimeAsync(299);
      expect(asked).toEqual([1]);
      await vi.advanceTimersByTimeAsync(1);
      expect(asked).toEqual([1, 2]);
      await vi.advanceTimersByTimeAsync(300);
      expect(ports(await found)).toEqual([3]);
      expect(asked).toEqual([1, 2, 3]);
      await new Promise((resolve) => setImmediate(resolve));
      expect(open()).toBe(0);
    }
  });

  test("CLUSTER SLOTS where CLUSTER SHARDS is missing", async () => {
    const { found } = ask([{ shards: new ServerError("ERR unknown subcommand"), slots: [[0, 5, ["h", 77, "id"]]] }]);
    expect(ports(await found)).toEqual([77]);
  });

  test("a line that breaks in the middle is a failure like another", async () => {
    const { found } = ask([{ shards: new ConnectionError("lost") }, {}]);
    expect(ports(await found)).toEqual([2]);
  });

  test("where CLUSTER INFO is not allowed the node is taken for connected", async () => {
    const { found } = ask([{ info: new ServerError("NOPERM no") }]);
    expect((await found).health).toBe("ok");
  });
});

describe("a node without the majority", () => {
  test("is not believed while another answers", async () => {
    const { found } = ask([{ info: ISOLATED }, { info: ISOLATED }, {}]);
    const { health } = await found;
    expect([ports(await found), health]).toEqual([[3], "ok"]);
  });

  test("is believed where no other answers, and said to be isolated", async () => {
    const { found } = ask([{ info: ISOLATED }, { refuses: new ConnectionError("refused") }]);
    expect([ports(await found), (await found).health]).toEqual([[1], "isolated"]);
  });

  test("is believed after a while where the others are silent", async () => {
    using _ = stopClock();
    const { found } = ask([{ info: ISOLATED }, { hangs: true }]);
    let settled = false;
    void found.then(() => {
      settled = true;
    });
    await vi.advanceTimersByTimeAsync(1000);
    expect(settled).toBe(false);
    await vi.advanceTimersByTimeAsync(300);
    expect([ports(await found), (await found).health]).toEqual([[1], "isolated"]);
  });

  test("and one that knows of no slots is never believed", async () => {
    const reset = { shards: shards(1, []) };
    expect(ports(await ask([reset, {}]).found)).toEqual([2]);
    expect(ports(await ask([reset, { info: ISOLATED }]).found)).toEqual([2]);
    expect(ports(await ask([{ info: ISOLATED }, reset]).found)).toEqual([1]);
    for (const nothing of [reset, { shards: [] }, { shards: new ServerError("ERR no"), slots: [] }]) {
      const error = await ask([nothing]).found.catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(ClusterError);
      expect([String(error), isTerminal(error)]).toEqual([
        expect.stringContaining("knows of no node that serves"),
        false,
      ]);
    }
  });
});

describe("CLUSTER SHARDS is not trusted alone", () => {
  const assigned = (count: number) => `cluster_state:ok\r\ncluster_slots_assigned:${count}\r\n`;

  test("where it covers fewer slots than are assigned, CLUSTER SLOTS tells the others", async () => {
    const { found } = ask([
      {
        info: assigned(100),
        shards: [...(shards(1, [0, 49]) as Reply[]), ...(shards(2, []) as Reply[])],
        slots: [[50, 99, ["h", 2, "id"]]],
      },
      {},
    ]);
    const { layout, covered, complete } = await found;
    expect([covered, complete, layout.ownerOf(49)?.port, layout.ownerOf(50)?.port]).toEqual([100, true, 1, 2]);
    expect(layout.shards).toHaveLength(2);
  });

  test("nor where CLUSTER INFO does not tell how many are", async () => {
    const { found } = ask([
      { info: new ServerError("NOPERM"), shards: shards(1, [0, 9]), slots: [[10, 16_383, ["h", 2]]] },
    ]);
    expect(await found).toMatchObject({ covered: 16_384, complete: true });
  });

  test("where both fall short another node is asked, and the one that knows most is believed", async () => {
    const some = { info: assigned(100), shards: shards(1, [0, 49]), slots: new ServerError("ERR") };
    const more = { info: assigned(100), shards: shards(2, [0, 59]), slots: new ConnectionError("lost") };
    expect(ports(await ask([some, more, {}]).found)).toEqual([3]);
    const { layout, complete } = await ask([some, more, some]).found;
    expect([layout.ownerOf(59)?.port, complete]).toEqual([2, false]);
  });

  test("slots that nobody owns are not looked for", async () => {
    const { found, asked } = ask([{ info: assigned(50), shards: shards(1, [0, 49]) }, {}]);
    expect([(await found).complete, asked]).toEqual([true, [1]]);
  });

  test("an answer that is none is like a server without the command", async () => {
    expect(ports(await ask([{ shards: "text", slots: [[0, 5, ["h", 77, "id"]]] }]).found)).toEqual([77]);
  });
});

describe("when nobody answers", () => {
  test("one error names each and why, with the errors behind it", async () => {
    const errors = [new ConnectionError("refused"), new ServerError("ERR This instance has cluster support disabled")];
    const { found } = ask([
      { refuses: errors[0] as Error },
      { info: errors[1] as Error, shards: errors[1] as Error, slots: errors[1] as Error },
    ]);
    const error = await found.catch((reason: unknown) => reason as Error);
    expect(error).toBeInstanceOf(ClusterError);
    const { message, cause } = error as ClusterError;
    expect(message).toContain("h:1: refused.");
    expect(message).toContain("h:2: It is not a cluster; use Redis for a single server.");
    expect((cause as AggregateError).errors).toEqual(errors);
  });

  test("a login that all refuse is the server's error; one among others is not", async () => {
    const refused = new ServerError("WRONGPASS no", "HELLO");
    expect(await ask([{ refuses: refused }, { refuses: refused }]).found.catch((reason) => reason)).toBe(refused);
    const mixed = ask([{ refuses: refused }, { refuses: new ConnectionError("refused") }]);
    expect(await mixed.found.catch((reason) => reason)).toBeInstanceOf(ClusterError);
  });

  test("an abort rejects with its reason, and ends every line", async () => {
    const abort = new AbortController();
    const { found, open } = ask([{ info: false }, { hangs: true }], abort.signal);
    const outcome = found.catch((reason: unknown) => reason);
    await new Promise((resolve) => setImmediate(resolve));
    expect(open()).toBe(1);
    const reason = new Error("enough");
    abort.abort(reason);
    expect(await outcome).toBe(reason);
    await new Promise((resolve) => setImmediate(resolve));
    expect(open()).toBe(0);
  });
});

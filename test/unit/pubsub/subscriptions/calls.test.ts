import { expect, test } from "vitest";
import { BEGINNING } from "../../../../src/core/moment.ts";
import { Call } from "../../../../src/pubsub/subscriptions/call.ts";
import { Calls } from "../../../../src/pubsub/subscriptions/calls.ts";
import {
  discard,
  Entry,
  type LinkState,
  type PendingCall,
  type Sink,
} from "../../../../src/pubsub/subscriptions/entry.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const settled = (call: PendingCall): Promise<string> =>
  call.promise.then(
    () => "resolved",
    (error: Error) => error.message,
  );

/** Calls over a registry of their own, on a link that notes what is sent. */
function scene() {
  const link: LinkState = { epoch: 1, ready: true, endpoint: null, since: 0, proof: BEGINNING, markUnclean() {} };
  const registry = new Map<string, Entry>();
  const sent: string[] = [];
  let order = 0;
  const calls: Calls = new Calls({
    enter({ kind, key, name, sink }) {
      const entry = registry.get(key) ?? new Entry(kind, key, name, sink);
      entry.link = link;
      registry.set(key, entry);
      return entry;
    },
    send(entries, { call }) {
      for (const entry of entries) {
        const subscribes = entry.wanted;
        if (!subscribes && !entry.asked) registry.delete(entry.key);
        else {
          if (call !== null) call.commands++;
          entry.last = { epoch: 1, subscribes, restores: false, order: ++order, unanswered: null };
          sent.push(`${subscribes ? "+" : "-"}${entry.key}`);
        }
      }
    },
    isUndecided: () => false,
    changed() {},
  });
  const sinkOf = (): Sink => ({ ...discard });
  return {
    calls,
    registry,
    sent,
    want(
      names: Iterable<string>,
      { sink = sinkOf(), signal = undefined as AbortSignal | undefined } = {},
    ): PendingCall {
      const call: PendingCall = new Call(++order);
      const requests = Array.from(names, (key) => ({ kind: "channel" as const, key, name: key, sink }));
      calls.want(call, requests, { signal, entered: () => {} });
      return call;
    },
    unwant(...names: string[]): PendingCall {
      calls.withdraw("channel", new Set(names));
      const call: PendingCall = new Call(
        ++order,
        names.flatMap((name) => registry.get(name) ?? []),
      );
      calls.unwant(call);
      return call;
    },
    confirm(call: PendingCall, ...names: string[]): void {
      for (const name of names) calls.confirm(call, registry.get(name) as Entry);
    },
  };
}

const many = (count: number): string[] => Array.from({ length: count }, (_, n) => `n${n}`);

test("a call stands when all its names are confirmed, and they stay wanted", async () => {
  const { want, confirm, registry, sent } = scene();
  const call = want(["a", "b", "a"]);
  expect(sent).toEqual(["+a", "+b"]);
  confirm(call, "b");
  expect(call.settled).toBe(false);
  confirm(call, "a");
  expect(await settled(call)).toBe("resolved");
  expect([...registry.values()].map(({ established, calls }) => [established, calls.length])).toEqual([
    [true, 0],
    [true, 0],
  ]);
});

test("a call that fails takes back what only it wanted, and the sinks of the rest", async () => {
  const { calls, want, confirm, registry, sent } = scene();
  const first = want(["a"]);
  confirm(first, "a");
  const before = registry.get("a")?.sink;
  const second = want(["a", "b"]);
  calls.fail(second, new Error("denied"));
  expect(await settled(second)).toBe("denied");
  expect(sent).toEqual(["+a", "+a", "+b", "-b"]);
  expect(registry.get("a")?.sink).toBe(before);
  expect(registry.get("b")?.wanted).toBe(false);
});

test("names beyond a slice are entered in later turns, behind those of calls before", async () => {
  const { want, registry, calls } = scene();
  const names = many(4500);
  want(names);
  const small = want(["small"]);
  expect([registry.size, calls.entering, small.entries.length]).toEqual([2000, true, 0]);
  await turn();
  await turn();
  expect([registry.size, calls.entering]).toEqual([4501, false]);
});

test("names that are unsubscribed before they are entered never are; those entered are unsubscribed", async () => {
  const { want, unwant, registry, sent } = scene();
  const call = want(many(2500));
  const gone = unwant("n0", "n2400");
  await turn();
  expect(registry.has("n2400")).toBe(false);
  expect(sent.filter((one) => one.endsWith("n2400"))).toEqual([]);
  expect(sent).toContain("-n0");
  expect([call.entries.length, call.left.includes(registry.get("n1") as Entry)]).toEqual([2499, true]);
  expect(gone.settled).toBe(false);
});

test("an aborted call enters nothing more", async () => {
  const { want, registry } = scene();
  const abort = new AbortController();
  const call = want(many(2500), { signal: abort.signal });
  const outcome = settled(call);
  abort.abort(new Error("no more"));
  expect(await outcome).toBe("no more");
  await turn();
  expect([...registry.values()].filter(({ wanted }) => wanted)).toEqual([]);
  expect(registry.size).toBe(2000);
});

test("a large call that is made while another one is told to be whole is entered once, in its turn", async () => {
  const { calls, registry, sent } = scene();
  const request = (key: string) => ({ kind: "channel" as const, key, name: key, sink: { ...discard } });
  const outer: PendingCall = new Call(1000);
  const inner: PendingCall = new Call(1001);
  let whole = 0;
  calls.want(outer, [request("outer")], {
    signal: undefined,
    entered: () =>
      calls.want(inner, many(4500).map(request)[Symbol.iterator](), { signal: undefined, entered: () => whole++ }),
  });
  for (let turns = 0; calls.entering && turns < 10; turns++) await turn();
  expect([inner.entries.length, registry.size, sent.length, whole]).toEqual([4500, 4501, 4501, 1]);
});

test("closing rejects what waits, and what is being entered", async () => {
  const { calls, want, registry } = scene();
  const outcomes = [settled(want(many(2500))), settled(want(["behind"]))];
  calls.rejectAll(() => new Error("closed"));
  expect(await Promise.all(outcomes)).toEqual(["closed", "closed"]);
  await turn();
  expect([registry.size, calls.size]).toEqual([2000, 0]);
});

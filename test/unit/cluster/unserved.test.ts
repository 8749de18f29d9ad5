import { describe, expect, test } from "vitest";
import { unservedText } from "../../../src/cluster/unserved.ts";
import { ConnectionError, ServerError } from "../../../src/errors.ts";

const unbound = new ServerError("CLUSTERDOWN Hash slot not served");

describe("slots that no node serves", () => {
  test("one is told with its name and what to do", () => {
    expect(unservedText(new Map([[7, ["news"]]]), unbound)).toBe(
      'No node of the cluster serves slot 7 (channel "news"). See "redis-cli --cluster check"; bring back the node that had the slot, or give the slot to another one (redis-cli --cluster fix).',
    );
  });

  test("several are told with theirs", () => {
    const slots = new Map<number, (string | Buffer)[]>([
      [7, ["a", Buffer.from("b")]],
      [8, []],
    ]);
    const text = unservedText(slots, unbound);
    expect(text).toMatch(/^No node of the cluster serves slots 7 \(channels "a", "b"\), 8\. /);
    expect(text).toMatch(/bring back the node that had the slots, or give the slots to another one/);
  });

  test("names are quoted and of the kind that is given", () => {
    expect(unservedText(new Map([[1, ['a"b']]]), unbound, "pattern")).toContain('slot 1 (pattern "a\\"b").');
  });

  test("of a long list three are shown, and the others are counted", () => {
    const names = ["a", "b", "c", "d", "e"];
    expect(unservedText(new Map([[1, names]]), unbound)).toContain('(channels "a", "b", "c" and 2 more)');
    expect(unservedText(new Map([[1, names.slice(0, 3)]]), unbound)).toContain('(channels "a", "b", "c").');
    const slots = new Map(Array.from({ length: 4 }, (_, slot) => [slot, []]));
    expect(unservedText(slots, unbound)).toContain("slots 0, 1, 2 and 1 more.");
  });

  test("of a cluster that is down are told so, and so are those that it refused for another reason", () => {
    const slots = new Map([[1, []]]);
    expect(unservedText(slots, new ServerError("CLUSTERDOWN The cluster is down"))).toMatch(
      /^The cluster is down and does not serve slot 1\./,
    );
    for (const refusal of [unbound, null, new ConnectionError("The cluster is down")]) {
      expect(unservedText(slots, refusal)).toMatch(/^No node of the cluster serves slot 1\./);
    }
  });
});

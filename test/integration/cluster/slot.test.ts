import fc from "fast-check";
import "../../support/seeded.ts";
import { expect, test } from "vitest";
import { slotOf } from "../../../src/cluster/slot.ts";
import { latin1 } from "../../../src/names.ts";
import { startCluster } from "../../support/redis-cluster.ts";

/** Names with braces where they matter, and any bytes. */
const name = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.array(fc.constantFrom("{", "}", "{}", "a", "user", "ü", "\0"), { maxLength: 8 }).map((parts) => parts.join("")),
  fc.string({ unit: "binary", maxLength: 20 }),
);

test("the slot of a name is what CLUSTER KEYSLOT says, for any bytes", async () => {
  await using cluster = await startCluster({ primaries: 1, replicasPerPrimary: 0 });
  const [node] = cluster.nodes;
  const names = fc.sample(name, 3000);
  const slots = await Promise.all(names.map((given) => node?.control.command("CLUSTER", "KEYSLOT", given)));
  expect(names.map((given) => slotOf(latin1(given)))).toEqual(slots);
});

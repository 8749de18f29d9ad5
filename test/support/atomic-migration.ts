import type { ClusterNode } from "./cluster-node.ts";
import type { SlotRange } from "./cluster-view.ts";
import { eventually } from "./eventually.ts";

/** One move that a node keeps a record of, as names and values. */
type Job = Readonly<Record<string, string>>;

/** States in which a server has ended a move: "success" and the others of Valkey, "completed" and the others of Redis. */
const DONE = new Set(["success", "completed"]);
const GIVEN_UP = new Set(["failed", "canceled", "cancelled"]);

/**
 * Has the servers move slots by themselves, in one step: CLUSTER MIGRATESLOTS at the source (Valkey 9.0), or CLUSTER
 * MIGRATION IMPORT at the target (Redis 8.4). Resolves when the target has them and the source knows.
 */
export async function migrateAtomically(source: ClusterNode, target: ClusterNode, slots: SlotRange): Promise<void> {
  const valkey = source.binary.name === "valkey";
  const [first, last] = slots;
  if (valkey) {
    await source.control.command("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", first, last, "NODE", target.id);
  } else {
    await target.control.command("CLUSTER", "MIGRATION", "IMPORT", first, last);
  }
  const asked = valkey ? ["GETSLOTMIGRATIONS"] : ["MIGRATION", "STATUS", "ALL"];
  await Promise.all(
    [source, target].map((node) =>
      eventually(async () => {
        const jobs = jobsOf(await node.control.command("CLUSTER", ...asked));
        // A node lists its moves from the latest to the oldest.
        const job = jobs.find((it) => (it.slot_ranges ?? it.slots) === `${first}-${last}`);
        if (job?.state !== undefined && GIVEN_UP.has(job.state)) {
          throw new Error(`${node.name} gave the move up: ${job.message ?? job.last_error}`);
        }
        if (job?.state === undefined || !DONE.has(job.state)) throw new Error(`${node.name} says ${job?.state}`);
      }),
    ),
  );
}

function jobsOf(reply: unknown): Job[] {
  const entries = Array.isArray(reply) ? (reply as unknown[][]) : [];
  return entries.map((entry) => {
    const pairs = Array.from({ length: entry.length / 2 }, (_, at) => [
      String(entry[2 * at]),
      String(entry[2 * at + 1]),
    ]);
    return Object.fromEntries(pairs) as Job;
  });
}

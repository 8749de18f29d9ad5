import { ServerError } from "../errors.ts";

/** Slots, or names of one slot, that a text lists; it counts the others. */
const SHOWN = 3;

/** Says which slots no node serves, for which names, and what to do. `refusal` is what a node answered at last. */
export function unservedText(
  slots: ReadonlyMap<number, readonly (string | Buffer)[]>,
  refusal: unknown,
  kind: string = "channel",
): string {
  const each = Array.from(slots, ([slot, names]) =>
    names.length === 0 ? `${slot}` : `${slot} (${list(kind, names)})`,
  );
  const what = `${slots.size === 1 ? "slot" : "slots"} ${andMore(each)}`;
  const isDown = refusal instanceof ServerError && /cluster is down/i.test(refusal.message);
  const why = isDown ? `The cluster is down and does not serve ${what}.` : `No node of the cluster serves ${what}.`;
  const it = slots.size === 1 ? "the slot" : "the slots";
  return `${why} See "redis-cli --cluster check"; bring back the node that had ${it}, or give ${it} to another one (redis-cli --cluster fix).`;
}

function list(kind: string, names: readonly (string | Buffer)[]): string {
  const shown = names.map((name) => JSON.stringify(name.toString()));
  return `${kind}${names.length === 1 ? "" : "s"} ${andMore(shown)}`;
}

function andMore(items: readonly string[]): string {
  const shown = items.slice(0, SHOWN).join(", ");
  return items.length > SHOWN ? `${shown} and ${items.length - SHOWN} more` : shown;
}

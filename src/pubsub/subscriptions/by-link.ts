import type { Entry } from "./entry.ts";
import { Link } from "./link.ts";

/** The entries that have a link, by it. */
export function byLink(entries: readonly Entry[]): Map<Link, Entry[]> {
  const groups = new Map<Link, Entry[]>();
  for (const entry of entries) {
    if (!(entry.link instanceof Link)) continue;
    const group = groups.get(entry.link);
    if (group === undefined) groups.set(entry.link, [entry]);
    else group.push(entry);
  }
  return groups;
}

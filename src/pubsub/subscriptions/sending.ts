import { byLink } from "./by-link.ts";
import { type Carrier, Command, type CommandOwner, type Purpose } from "./command.ts";
import type { Entry, PendingCall } from "./entry.ts";
import { Link } from "./link.ts";
import { reconcile, type Step } from "./reconcile.ts";

/** Makes commands of what differs between wanted and actual, and sends them; numbers calls and commands in one order. */
export class Sending {
  /** The place in the order of the last call or command. */
  order = 0;
  readonly #owner: () => CommandOwner;

  /** `owner` gives who is told of the answers. */
  constructor(owner: () => CommandOwner) {
    this.#owner = owner;
  }

  /** The place in the order of what is issued now. */
  next(): number {
    return ++this.order;
  }

  send(step: Step, link: Carrier, purpose: Purpose): void {
    const owner = this.#owner();
    const command = new Command(step, { link, order: this.next(), purpose, owner });
    if (command.call !== null) command.call.commands++;
    for (const entry of step.entries) entry.last = command.told;
    link.send(command, command.restores);
  }

  /** Reconciles entries over the links that are up; with `reassert` what is subscribed is asked for once more. */
  reconcile(entries: readonly Entry[], call: PendingCall | null, reassert: boolean): void {
    for (const [link, there] of byLink(entries)) {
      if (link.ready) for (const step of reconcile(there, reassert)) this.send(step, link, call);
    }
  }

  /** Subscribes what is wanted and what the link's connection was not asked for; many names in several turns. */
  restore(entries: Iterable<Entry>, link: Link): void {
    link.restoring(this.#restore(entries, link));
  }

  *#restore(entries: Iterable<Entry>, link: Link): Generator<number, void> {
    for (const step of reconcile(entries)) {
      this.send(step, link, "restoration");
      yield step.entries.length;
    }
  }
}

/** Has the links of entries say when what was published before is read, or that they are lost. */
export function fence(
  entries: readonly Entry[],
  passed: (entries: Entry[]) => void,
  lost: (entries: Entry[]) => void,
): void {
  const nowhere = entries.filter(({ link }) => !(link instanceof Link));
  for (const [link, there] of byLink(entries)) link.fence({ passed: () => passed(there), lost: () => lost(there) });
  if (nowhere.length > 0) lost(nowhere);
}

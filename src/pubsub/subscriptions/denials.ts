import type { ServerError } from "../../errors.ts";
import type { Carrier, Command } from "./command.ts";
import type { Entry, PendingCall } from "./entry.ts";

/** What becomes of names and calls once it is known which were denied. */
export interface DenialOwner {
  /** Sends a subscribe for one entry of the command alone. */
  ask(entry: Entry, command: Command): void;
  /** The call need not wait for the entry. */
  skipped(call: PendingCall, entry: Entry): void;
  /** The call's names are all granted. */
  granted(call: PendingCall): void;
  /** The call was denied names; `error.names` lists them. */
  rejected(call: PendingCall, error: ServerError): void;
  confirmed(command: Command, entry: Entry, count: number): void;
  /** Names stay wanted although the server denied them. Told once. */
  denied(error: ServerError): void;
}

/** A name that was denied. */
interface Refusal {
  readonly entry: Entry;
  readonly command: Command;
  readonly error: ServerError;
}

/** A call of which it is not known yet whether it stands. */
interface UndecidedCall {
  readonly refusals: Refusal[];
  /** Confirmations held back until then. */
  readonly held: { readonly command: Command; readonly entry: Entry; readonly count: number }[];
}

/**
 * One denied name denies the whole command that carries it. So a refused batch is asked again name by name: the guilty
 * ones are found, and the rest lives. A call, and a restoration, are judged when all of their commands are answered, so
 * that one error lists all the names.
 */
export class Denials {
  /** Entries that the server denied and that are still wanted. */
  readonly entries: Map<Entry, ServerError> = new Map();
  readonly #owner: DenialOwner;
  readonly #undecided: Map<PendingCall, UndecidedCall> = new Map();
  #restoration: Refusal[] = [];

  constructor(owner: DenialOwner) {
    this.#owner = owner;
  }

  /** Whether it is not known yet if the call stands. */
  isUndecided(call: PendingCall): boolean {
    return this.#undecided.has(call);
  }

  /** The link's connection is lost, and what was asked on it with it. */
  reset(link: Carrier): void {
    const elsewhere = ({ command }: { readonly command: Command }): boolean => command.link !== link;
    for (const [call, { refusals, held }] of this.#undecided) {
      this.#undecided.set(call, { refusals: refusals.filter(elsewhere), held: held.filter(elsewhere) });
    }
    this.#restoration = this.#restoration.filter(elsewhere);
  }

  /** Takes a refused subscribe. */
  take(command: Command, error: ServerError): void {
    const { call, left } = command;
    const refusals = call === null ? this.#restoration : this.#trial(call).refusals;
    const oneByOne = left.length > 1 && error.code === "NOPERM";
    for (const entry of left) {
      if (!oneByOne) {
        if (entry.last === command.told && entry.confirmed !== command.epoch) entry.last = null;
        refusals.push({ entry, command, error });
      } else if (entry.wanted) {
        this.#owner.ask(entry, command);
      } else if (call !== null) {
        this.#owner.skipped(call, entry);
      }
    }
  }

  /** Holds a confirmation back while the call is on trial; false if it is not. */
  hold(call: PendingCall, command: Command, entry: Entry, count: number): boolean {
    const trial = this.#undecided.get(call);
    trial?.held.push({ command, entry, count });
    return trial !== undefined;
  }

  /** The call's commands are all answered. */
  decide(call: PendingCall): void {
    const trial = this.#undecided.get(call);
    if (trial === undefined) return;
    this.#undecided.delete(call);
    const { refusals, held } = trial;
    const [first] = refusals;
    if (first !== undefined) this.#owner.rejected(call, about(first, refusals));
    if (call.settled) return;
    for (const { command, entry, count } of held) this.#owner.confirmed(command, entry, count);
    this.#owner.granted(call);
  }

  /**
   * A link's restoration is answered: calls that wait for a denied name reject, once all their names are answered; what is
   * established stays wanted.
   */
  restored(): void {
    const refusals = this.#restoration;
    const refused = new Set(refusals.map(({ entry }) => entry));
    const denied = new Set(
      refusals.flatMap(({ entry, command }) => entry.calls.filter((c) => c.order < command.order)),
    );
    const undecided = new Set<PendingCall>();
    for (const call of denied) {
      const elsewhere = this.#undecided.get(call)?.refusals ?? [];
      const answered = new Set([...refused, ...elsewhere.map(({ entry }) => entry)]);
      if (call.left.some((entry) => entry.calls.includes(call) && !answered.has(entry))) {
        undecided.add(call);
        continue;
      }
      const names = [...elsewhere, ...refusals.filter(({ entry }) => call.entries.includes(entry))];
      const [first] = names;
      this.#undecided.delete(call);
      if (first !== undefined) this.#owner.rejected(call, about(first, names));
    }
    const isUndecided = ({ entry }: Refusal): boolean => entry.calls.some((call) => undecided.has(call));
    this.#restoration = refusals.filter(isUndecided);
    const news = refusals.filter(({ entry }) => entry.established && !this.entries.has(entry));
    for (const refusal of news) this.entries.set(refusal.entry, about(refusal, [refusal]));
    const [newest] = news;
    if (newest !== undefined) this.#owner.denied(about(newest, news));
  }

  #trial(call: PendingCall): UndecidedCall {
    const trial = this.#undecided.get(call) ?? { refusals: [], held: [] };
    this.#undecided.set(call, trial);
    return trial;
  }
}

function about({ error, command }: Refusal, refusals: readonly Refusal[]): ServerError {
  return error.about(
    command.verb,
    refusals.map(({ entry }) => entry.name),
  );
}

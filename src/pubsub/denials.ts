import type { ServerError } from "../errors.ts";
import type { Call } from "./call.ts";
import type { Command, Probe } from "./command.ts";
import type { Entry } from "./entry.ts";

/** What becomes of names and calls once it is known who was denied. */
export interface DenialOwner {
  /** Sends a subscribe for one entry of the command alone. */
  ask(entry: Entry, command: Command, probe: Probe | null): void;
  /** The call need not wait for the entry. */
  skipped(call: Call<Entry>, entry: Entry): void;
  /** The call's names are all granted. */
  granted(call: Call<Entry>): void;
  /** The call was denied names; `error.names` lists them. */
  rejected(call: Call<Entry>, error: ServerError): void;
  confirmed(command: Command, entry: Entry, count: number): void;
  /** Names stay wanted although the server denied them. Told once. */
  denied(error: ServerError): void;
}

/** A name that a restoration was denied. */
interface Refusal {
  readonly entry: Entry;
  readonly command: Command;
  readonly error: ServerError;
}

/**
 * One denied name denies the whole command that carries it. So a refused batch is asked again name by name: the guilty
 * ones are found, and the rest lives. Of a call that is known when its probe is done, of a restoration when all of its
 * commands are answered: either way one error lists all the names.
 */
export class Denials {
  /** Entries that the server denied and that are still wanted. */
  readonly entries: Map<Entry, ServerError> = new Map();
  readonly #owner: DenialOwner;
  readonly #probes: Map<Call<Entry>, Probe> = new Map();
  readonly #restoration: Refusal[] = [];

  constructor(owner: DenialOwner) {
    this.#owner = owner;
  }

  /** Whether it is not known yet which of the call's names are denied. */
  probing(call: Call<Entry>): boolean {
    return this.#probes.has(call);
  }

  /** The connection is lost, and what was asked on it with it. */
  reset(): void {
    this.#probes.clear();
    this.#restoration.length = 0;
  }

  /** Takes a refused subscribe. */
  take(command: Command, error: ServerError): void {
    const { call, left } = command;
    const oneByOne = left.length > 1 && error.code === "NOPERM";
    const probe = call === null ? null : (command.probe ?? this.#probeOf(call, left.length, error));
    if (probe !== null) probe.error = error;
    for (const entry of left) {
      const current = entry.wanted && entry.last === command;
      if (oneByOne && current) {
        this.#owner.ask(entry, command, probe);
        continue;
      }
      if (!oneByOne) {
        if (entry.last === command && entry.confirmed !== command.epoch) entry.last = null;
        if (probe !== null) probe.denied.push(entry);
        else this.#restoration.push({ entry, command, error });
      } else if (call !== null) {
        // It was unsubscribed, or asked for by a later command.
        this.#owner.skipped(call, entry);
      }
      if (call !== null && probe !== null) this.answered(call, probe, command);
    }
  }

  /** One more name of the probe has its answer. */
  answered(call: Call<Entry>, probe: Probe, command: Command): void {
    probe.left--;
    if (probe.left > 0) return;
    this.#probes.delete(call);
    if (probe.denied.length > 0) this.#owner.rejected(call, about(probe.error, command, probe.denied));
    if (call.settled) return;
    for (const held of probe.held) this.#owner.confirmed(held.command, held.entry, held.count);
    this.#owner.granted(call);
  }

  /** A restoration is answered: calls that wait for a denied name reject; what is established stays wanted. */
  restored(): void {
    const refusals = this.#restoration.splice(0);
    const last = refusals.at(-1);
    if (last === undefined) return;
    const { command, error } = last;
    const guilty = new Set(
      refusals.flatMap(({ entry, command }) => entry.claims.filter((c) => c.order < command.order)),
    );
    for (const call of guilty) {
      const names = refusals.map(({ entry }) => entry).filter((entry) => call.entries.includes(entry));
      this.#owner.rejected(call, about(error, command, names));
    }
    const news = refusals.map(({ entry }) => entry).filter((entry) => entry.wanted && !this.entries.has(entry));
    const denied = about(error, command, news);
    for (const entry of news) this.entries.set(entry, denied);
    if (news.length > 0) this.#owner.denied(denied);
  }

  /** A call's refused batches are one probe. */
  #probeOf(call: Call<Entry>, names: number, error: ServerError): Probe {
    const probe = this.#probes.get(call) ?? { left: 0, denied: [], error, held: [] };
    this.#probes.set(call, probe);
    probe.left += names;
    return probe;
  }
}

function about(error: ServerError, { verb }: Command, entries: readonly Entry[]): ServerError {
  return error.about(
    verb,
    entries.map((entry) => entry.name),
  );
}

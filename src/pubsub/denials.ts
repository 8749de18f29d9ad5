import type { ServerError } from "../errors.ts";
import type { Call } from "./call.ts";
import type { Command, Probe } from "./command.ts";
import type { Entry } from "./entry.ts";

/** What becomes of names and calls once it is known who was denied. */
export interface DenialOwner {
  /** Sends a subscribe for one entry, as part of the probe. */
  ask(entry: Entry, command: Command, probe: Probe): void;
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

/**
 * One denied name denies the whole command that carries it. So a refused batch is asked again name by name: the guilty
 * ones are found, and the rest lives.
 */
export class Denials {
  /** Entries that the server denied and that are still wanted. */
  readonly entries: Map<Entry, ServerError> = new Map();
  readonly #owner: DenialOwner;
  /** A call's refused batches are one probe, so that its error lists all of its denied names. */
  readonly #probes: Map<Call<Entry>, Probe> = new Map();

  constructor(owner: DenialOwner) {
    this.#owner = owner;
  }

  /** Whether it is not known yet which of the call's names are denied. */
  probing(call: Call<Entry>): boolean {
    return this.#probes.has(call);
  }

  /** The connection is lost, and the probes with it. */
  forget(call: Call<Entry>): void {
    this.#probes.delete(call);
  }

  /** Takes a refused subscribe. */
  take(command: Command, error: ServerError): void {
    const { left } = command;
    if (left.length > 1 && error.code === "NOPERM") {
      const probe = this.#probeOf(command, error);
      for (const entry of left) {
        if (entry.wanted && entry.last === command) {
          this.#owner.ask(entry, command, probe);
          continue;
        }
        // It was unsubscribed, or asked for by a later command.
        if (command.call !== null) this.#owner.skipped(command.call, entry);
        this.answered(command, probe, 1);
      }
      return;
    }
    const probe = command.probe ?? this.#probeOf(command, error);
    probe.error = error;
    for (const entry of left) {
      if (entry.last === command && entry.confirmed !== command.epoch) entry.last = null;
      probe.denied.push(entry);
    }
    this.answered(command, probe, left.length);
  }

  /** So many names of the probe have their answer. */
  answered(command: Command, probe: Probe, names: number): void {
    probe.left -= names;
    if (probe.left > 0) return;
    const { call } = command;
    if (call === null) {
      if (probe.denied.length > 0) this.#restoreDenied(command, probe);
      return;
    }
    this.#probes.delete(call);
    if (probe.denied.length > 0) this.#owner.rejected(call, about(command, probe, probe.denied));
    if (call.settled) return;
    for (const held of probe.held) this.#owner.confirmed(held.command, held.entry, held.count);
    this.#owner.granted(call);
  }

  /** Calls that wait for a denied name reject; what is established stays wanted. */
  #restoreDenied(command: Command, probe: Probe): void {
    const waiting = probe.denied.flatMap((entry) => entry.claims.filter((call) => call.order < command.order));
    for (const call of new Set(waiting)) {
      const names = probe.denied.filter((entry) => call.entries.includes(entry));
      this.#owner.rejected(call, about(command, probe, names));
    }
    const news = probe.denied.filter((entry) => entry.wanted && !this.entries.has(entry));
    const error = about(command, probe, news);
    for (const entry of news) this.entries.set(entry, error);
    if (news.length > 0) this.#owner.denied(error);
  }

  #probeOf({ call, left }: Command, error: ServerError): Probe {
    const known = call === null ? undefined : this.#probes.get(call);
    const probe: Probe = known ?? { left: 0, denied: [], error, held: [] };
    if (call !== null) this.#probes.set(call, probe);
    probe.left += left.length;
    return probe;
  }
}

function about(command: Command, probe: Probe, entries: readonly Entry[]): ServerError {
  return probe.error.about(
    command.verb,
    entries.map((entry) => entry.name),
  );
}

import type { ServerError } from "../../errors.ts";
import type { Command } from "./command.ts";
import type { Entry } from "./entry.ts";
import type { Dialer, Link } from "./link.ts";
import type { Registry } from "./registry.ts";

/** What a placement needs of the engine. */
export interface PlacementHost {
  readonly registry: Registry;
  /** A link, not started. */
  link(dialer: Dialer): Link;
  /** Subscribes entries, which have a home again, over the links that are up. */
  restore(entries: readonly Entry[]): void;
  /** Asks the servers whether they still serve entries that are subscribed. */
  audit(entries: readonly Entry[]): void;
  /** It may be that all is in place now. */
  settle(): void;
  /** There will be no place for names. */
  giveUp(reason: unknown): void;
}

/** Names that no node of a cluster serves. */
export interface Unserved {
  /** Which, and what to do. */
  readonly text: string;
  /** What a node answered last; `null` if none was asked. */
  readonly cause: ServerError | null;
}

/** Decides which link serves a name, and opens and closes links for that. The engine tells it what happens. */
export interface Placement {
  readonly links: Iterable<Link>;
  /** Whether every name has its place, and every link has restored what it serves. */
  readonly settled: boolean;
  /** Why it does not know where names belong; `null` if it does. */
  readonly failure: unknown;
  start(): void;
  /** Ends all links and connections, as if they were lost for good; `start` begins anew. */
  halt(reason: unknown): void;
  /** Ends all links; resolves when their connections are given back or gone. */
  stop(): Promise<void>;
  /** Gives an entry its home. */
  place(entry: Entry): void;
  /** Why nodes that are connected do not serve entries; `null` where that is not the reason. */
  unserved(entries: readonly Entry[]): Unserved | null;
  /** The entry is subscribed. */
  confirmed(entry: Entry): void;
  /** The entry is forgotten. */
  left(entry: Entry): void;
  /** A link may have nothing to do any more. */
  tidy(): void;
  /** A link is up; nothing is subscribed on it. */
  up(link: Link): void;
  down(link: Link): void;
  /** An attempt to connect has failed. */
  dialFailed(link: Link): void;
  /** The link's primary has become a replica; false if nothing comes of that. */
  demoted(link: Link): boolean;
  /** The entry's node ended its subscription by itself. */
  dismissed(link: Link, entry: Entry): void;
  /** A subscribe was refused; true if another node, or the same one later, is asked. */
  redirected(command: Command, error: ServerError): boolean;
}

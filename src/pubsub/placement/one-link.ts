import type { Entry } from "../subscriptions/entry.ts";
import type { Dialer, Link } from "../subscriptions/link.ts";
import type { Placement, PlacementHost } from "../subscriptions/placement.ts";

/** What a link to one server needs of a client. */
export interface ServerDialer {
  /** A connection that may subscribe. */
  readonly lease: Dialer["dial"];
  /** Gives a connection back; resolves when it is kept or gone. */
  readonly release: Dialer["release"];
}

/** Every name over one link. */
export class OneLink implements Placement {
  readonly links: readonly [Link];

  /** Over connections to one server. */
  static toServer({ lease, release }: ServerDialer, host: PlacementHost): OneLink {
    return new OneLink(host.link({ dial: lease, release }));
  }

  constructor(link: Link) {
    this.links = [link];
  }

  get settled(): boolean {
    return this.links[0].restored;
  }

  get failure(): unknown {
    return null;
  }

  start(): void {
    this.links[0].start();
  }

  halt(reason: unknown): void {
    this.links[0].halt(reason);
  }

  stop(): Promise<void> {
    return this.links[0].stop();
  }

  place(entry: Entry): void {
    [entry.link] = this.links;
  }

  unserved(): null {
    return null;
  }

  confirmed(): void {}
  left(): void {}
  tidy(): void {}
  up(): void {}
  down(): void {}
  dialFailed(): void {}
  dismissed(): void {}

  demoted(): boolean {
    return false;
  }

  redirected(): boolean {
    return false;
  }
}

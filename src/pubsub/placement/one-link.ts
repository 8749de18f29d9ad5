import type { Entry } from "../subscriptions/entry.ts";
import type { Link } from "../subscriptions/link.ts";
import type { Placement } from "../subscriptions/placement.ts";

/** Every name over one link. */
export class OneLink implements Placement {
  readonly links: readonly [Link];

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

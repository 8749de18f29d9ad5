import type { Link } from "./link.ts";

/** Says which link serves a name. One link serves them all on a single server. */
export interface Placement {
  readonly links: readonly Link[];
  linkOf(key: string): Link;
}

/** Every name over one link. */
export class OneLink implements Placement {
  readonly links: readonly [Link];

  constructor(link: Link) {
    this.links = [link];
  }

  linkOf(): Link {
    return this.links[0];
  }
}

interface Entry {
  readonly value: string;
  /** In milliseconds of `Date.now()`; undefined for one that does not expire. */
  readonly until: number | undefined;
}

/** The strings of one database. One that has expired is gone when it is asked for. */
export class Keyspace {
  readonly #entries = new Map<string, Entry>();

  get(key: string): string | null {
    return this.#live(key)?.value ?? null;
  }

  /** When a key expires; undefined when it does not, null when there is none. */
  until(key: string): number | undefined | null {
    const entry = this.#live(key);
    return entry === undefined ? null : entry.until;
  }

  set(key: string, value: string, until?: number): void {
    this.#entries.set(key, { value, until });
  }

  delete(key: string): boolean {
    return this.#live(key) !== undefined && this.#entries.delete(key);
  }

  get size(): number {
    return [...this.#entries.keys()].filter((key) => this.#live(key) !== undefined).length;
  }

  clear(): void {
    this.#entries.clear();
  }

  #live(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry?.until === undefined || entry.until > Date.now()) return entry;
    this.#entries.delete(key);
    return undefined;
  }
}

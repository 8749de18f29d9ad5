/** A first-in-first-out queue on a circular array: O(1) at both ends whatever it holds, and it gives memory back. */
export class Ring<T> {
  #slots: (T | undefined)[] = NONE;
  #head = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(item: T): void {
    if (this.#size === this.#slots.length) this.#resize(Math.max(SMALLEST, this.#size * 2));
    this.#slots[(this.#head + this.#size) & (this.#slots.length - 1)] = item;
    this.#size++;
  }

  /** The oldest item, or `undefined` when there is none. */
  peek(): T | undefined {
    return this.#slots[this.#head];
  }

  /** The newest item, or `undefined` when there is none. */
  peekLast(): T | undefined {
    return this.#size === 0 ? undefined : this.#slots[(this.#head + this.#size - 1) & (this.#slots.length - 1)];
  }

  shift(): T | undefined {
    if (this.#size === 0) return undefined;
    const item = this.#slots[this.#head];
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#slots.length - 1);
    this.#size--;
    if (this.#size < this.#slots.length / 8 && this.#slots.length > KEPT) this.#resize(this.#slots.length / 2);
    return item;
  }

  clear(): void {
    this.#slots = NONE;
    this.#head = 0;
    this.#size = 0;
  }

  *[Symbol.iterator](): Generator<T> {
    for (let i = 0; i < this.#size; i++) yield this.#slots[(this.#head + i) & (this.#slots.length - 1)] as T;
  }

  #resize(capacity: number): void {
    const slots: (T | undefined)[] = new Array(capacity);
    for (let i = 0; i < this.#size; i++) slots[i] = this.#slots[(this.#head + i) & (this.#slots.length - 1)];
    this.#slots = slots;
    this.#head = 0;
  }
}

/** A power of two: positions wrap by a bit mask. */
const SMALLEST = 16;
/** What fills and empties again and again does not grow each time. */
const KEPT = 1024;
/** What all that never held anything have in common; nothing is written to it. */
const NONE: never[] = [];

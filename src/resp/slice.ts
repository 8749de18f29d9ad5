import type { NameMap } from "./name-map.ts";
import type { Name, Payload } from "./reply.ts";
import type { Window } from "./window.ts";

/** A piece of the window: the name or the payload that a message at hand has there. One serves message after message. */
export class Slice implements Name, Payload {
  from = 0;
  to = 0;
  readonly #window: Window;

  constructor(window: Window) {
    this.#window = window;
  }

  get byteLength(): number {
    return this.to - this.from;
  }

  text(): string {
    return this.#window.utf8(this.from, this.to);
  }

  bytes(): Buffer {
    return this.#window.bytes(this.from, this.to);
  }

  key(): string {
    return this.#window.name(this.from, this.to);
  }

  in<V>(names: NameMap<V>): V | undefined {
    return names.find(this.#window.view, this.from, this.to);
  }
}

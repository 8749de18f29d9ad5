import { createHash } from "node:crypto";

/** The channels of a namespace: of all its servers, of each server alone, of each room. */
export class Channels {
  /** What concerns all servers. */
  readonly all: string;
  readonly #rooms: string;

  constructor(prefix: string, namespace: string) {
    this.all = `${prefix}#${namespace}#`;
    this.#rooms = `${prefix}#${namespace}#room#`;
  }

  /** Where answers to one server go. */
  server(uid: string): string {
    return `${this.all}server#${uid}#`;
  }

  /** Where broadcasts to one room go. */
  room(room: string): string {
    // A name of a room is the user's: a very long one, or one with a hash tag, must not lead elsewhere.
    return this.#rooms + (room.length > 200 ? createHash("sha256").update(room).digest("hex") : room);
  }
}

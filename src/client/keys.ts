import { slotOf } from "../cluster/slot.ts";
import { isPassing } from "../connection/refusals.ts";
import { ServerError } from "../errors.ts";
import { latin1 } from "../names.ts";
import type { Argument } from "../resp/encoder.ts";
import type { Reply } from "../resp/reply.ts";

/** Where a command has its first key: its place among the arguments, none, or only the server can tell. */
type Place = number | "none" | "varies";

/** Finds the slot of any command by its first key: the server is asked once for each command (COMMAND INFO). */
export class Keys {
  readonly #ask: (args: readonly Argument[], wantsText: boolean) => Promise<Reply>;
  readonly #places: Map<string, Promise<Place>> = new Map();

  constructor(ask: (args: readonly Argument[], wantsText: boolean) => Promise<Reply>) {
    this.#ask = ask;
  }

  /** `null`: the command has no key, and any node will do. */
  async slotOf(args: readonly Argument[]): Promise<number | null> {
    const place = await this.#placeOf(String(args[0]).toUpperCase());
    const key = place === "varies" ? await this.#firstKey(args) : place === "none" ? undefined : args[place];
    if (key === undefined) return null;
    return slotOf(latin1(typeof key === "number" ? String(key) : key));
  }

  #placeOf(command: string): Promise<Place> {
    let place = this.#places.get(command);
    if (place === undefined) {
      place = this.#learn(command);
      this.#places.set(command, place);
      place.catch(() => this.#places.delete(command));
    }
    return place;
  }

  async #learn(command: string): Promise<Place> {
    const reply = await this.#ask(["COMMAND", "INFO", command], true).catch(unlessRefused);
    const about = Array.isArray(reply) ? reply[0] : null;
    // The server will say itself that it knows no such command.
    if (!Array.isArray(about)) return "none";
    const [, , flags, first] = about;
    if (Number(first) > 0) return Number(first);
    const names = flags instanceof Set ? [...flags] : Array.isArray(flags) ? flags : [];
    return names.includes("movablekeys") ? "varies" : "none";
  }

  /** EVAL and its like say with an argument where their keys are. */
  async #firstKey(args: readonly Argument[]): Promise<Buffer | undefined> {
    try {
      const keys = await this.#ask(["COMMAND", "GETKEYS", ...args], false);
      return Array.isArray(keys) && Buffer.isBuffer(keys[0]) ? keys[0] : undefined;
    } catch (error) {
      // "The command has no key arguments", or wrong ones, which the server will tell.
      if (error instanceof ServerError) return undefined;
      throw error;
    }
  }
}

/** Where COMMAND is not allowed, or not known, any node is asked, and a MOVED tells the slot. */
function unlessRefused(error: unknown): null {
  if (error instanceof ServerError && !isPassing(error)) return null;
  throw error;
}

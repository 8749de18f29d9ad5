import { EventEmitter } from "node:events";
import { ArgumentError } from "../errors.ts";

/** What other clients emit messages as. */
const noEvents = ["message", "pmessage", "smessage", "messageBuffer", "pmessageBuffer", "smessageBuffer"] as const;
export type NoEvent = (typeof noEvents)[number];

const whereMessagesAre =
  "Messages are not events: give subscribe() a handler, or read them with for await, receive() or getMessage()." as const;
export type WhereMessagesAre = typeof whereMessagesAre;

function refuseMessages(name: string): void {
  if ((noEvents as readonly string[]).includes(name)) throw new ArgumentError(whereMessagesAre);
}

/**
 * Node's EventEmitter with the events that a class has, by name. The signatures are our own: those that generic emitters
 * have in `@types/node` differ from one version to the next, and what implements one does not implement another.
 */
export abstract class TypedEmitter<Events extends Record<keyof Events, unknown[]>> extends EventEmitter {
  override on<Name extends keyof Events & string>(name: Name, listener: (...args: Events[Name]) => void): this;
  /** Messages are no events: what to do is the type of the second argument. */
  override on(name: NoEvent, listener: WhereMessagesAre): never;
  override on(name: string, listener: unknown): this {
    refuseMessages(name);
    return super.on(name, listener as (...args: unknown[]) => void);
  }

  override once<Name extends keyof Events & string>(name: Name, listener: (...args: Events[Name]) => void): this;
  override once(name: NoEvent, listener: WhereMessagesAre): never;
  override once(name: string, listener: unknown): this {
    refuseMessages(name);
    return super.once(name, listener as (...args: unknown[]) => void);
  }

  override off<Name extends keyof Events & string>(name: Name, listener: (...args: Events[Name]) => void): this {
    return super.off(name, listener as (...args: unknown[]) => void);
  }

  override emit<Name extends keyof Events & string>(name: Name, ...args: Events[Name]): boolean {
    return super.emit(name, ...args);
  }
}

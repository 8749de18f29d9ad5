import { EventEmitter } from "node:events";

/**
 * Node's EventEmitter with the events that a class has, by name. The signatures are our own: those that generic emitters
 * have in `@types/node` differ from one version to the next, and what implements one does not implement another.
 */
export abstract class TypedEmitter<Events extends Record<keyof Events, unknown[]>> extends EventEmitter {
  override on<Name extends keyof Events & string>(name: Name, listener: (...args: Events[Name]) => void): this {
    return super.on(name, listener as (...args: unknown[]) => void);
  }

  override once<Name extends keyof Events & string>(name: Name, listener: (...args: Events[Name]) => void): this {
    return super.once(name, listener as (...args: unknown[]) => void);
  }

  override off<Name extends keyof Events & string>(name: Name, listener: (...args: Events[Name]) => void): this {
    return super.off(name, listener as (...args: unknown[]) => void);
  }

  override emit<Name extends keyof Events & string>(name: Name, ...args: Events[Name]): boolean {
    return super.emit(name, ...args);
  }
}

import type { NameInput } from "../../names.ts";
import type { Message } from "../model/message.ts";
import type {
  AnyItem,
  Handler,
  Handlers,
  NameOf,
  PatternConsumer,
  PatternMessageOf,
  ShownHandler,
  SubscribeOptions,
} from "../model/types.ts";
import { Subscriber } from "./subscriber.ts";

/** What consumers of classic Pub/Sub have beyond the others: patterns. */
export abstract class PatternSubscriber<Item extends AnyItem = Message>
  extends Subscriber<Item>
  implements PatternConsumer<Item>
{
  /** What is wanted: patterns with their handlers, or `null`. A live, read-only view that compares names by bytes. */
  get patterns(): ReadonlyMap<NameOf<Item>, ShownHandler<PatternMessageOf<Item>> | null> {
    return this.view("pattern");
  }

  /** Subscribes to patterns (PSUBSCRIBE); in everything else like `subscribe`. */
  override psubscribe(...patterns: [NameInput, ...NameInput[]]): Promise<void>;
  override psubscribe(patterns: NameInput | Iterable<NameInput>, options?: SubscribeOptions): Promise<void>;
  override psubscribe(
    patterns: NameInput | Iterable<NameInput>,
    handler: Handler<PatternMessageOf<Item>> | undefined,
    options?: SubscribeOptions,
  ): Promise<void>;
  override psubscribe(handlers: Handlers<PatternMessageOf<Item>>, options?: SubscribeOptions): Promise<void>;
  override psubscribe(...args: unknown[]): Promise<void> {
    return this.want("pattern", args);
  }

  /** Unsubscribes from patterns (PUNSUBSCRIBE); in everything else like `unsubscribe`. */
  override punsubscribe(...patterns: NameInput[]): Promise<void>;
  override punsubscribe(patterns: Iterable<NameInput>): Promise<void>;
  override punsubscribe(...args: unknown[]): Promise<void> {
    return this.unwant("pattern", args);
  }
}

import type { ServerError } from "../../errors.ts";
import { NameView } from "../../names.ts";
import { type AnyHandler, HandlerSink } from "../delivery/handler.ts";
import type { Entry, Kind } from "../subscriptions/entry.ts";
import type { Registry } from "../subscriptions/registry.ts";

type Shown<Value> = [name: string | Buffer, value: Value];

/** What is wanted of a kind, with handlers, as it is now. */
export function wantedView(registry: Registry, kind: Kind): NameView<string | Buffer, AnyHandler | null> {
  return new NameView<string | Buffer, AnyHandler | null>(
    (key) => {
      const entry = registry[kind].get(key);
      return entry?.wanted ? withHandler(entry) : undefined;
    },
    function* () {
      for (const entry of registry.wanted(kind)) yield withHandler(entry);
    },
    () => {
      let size = 0;
      for (const _entry of registry.wanted(kind)) size++;
      return size;
    },
  );
}

/** The names that the server denies, as it is now. A channel and a pattern of the same name are one row. */
export function deniedView(denied: () => ReadonlyMap<Entry, ServerError>): NameView<string | Buffer, ServerError> {
  const byKey = () =>
    new Map(Array.from(denied(), ([{ key, name }, error]): [string, Shown<ServerError>] => [key, [name, error]]));
  return new NameView<string | Buffer, ServerError>(
    (key) => byKey().get(key),
    () => byKey().values(),
    () => byKey().size,
  );
}

function withHandler({ name, sink }: Entry): Shown<AnyHandler | null> {
  return [name, sink instanceof HandlerSink ? sink.handler : null];
}

// Compiled by `npm run check`, never run: events by name, and what errors carry.

import {
  ArgumentError,
  type ClientEvents,
  type ClientState,
  CodecError,
  type ConsumerEvents,
  type Gap,
  HandlerError,
  type PubSub,
  type Redis,
  ServerError,
  type State,
  TidingsError,
} from "tidings";
import { expectTypeOf } from "vitest";

export function ofAConsumer(consumer: PubSub): void {
  consumer.on("error", (error) => expectTypeOf(error).toEqualTypeOf<Error>());
  consumer.on("state", (state) => expectTypeOf(state).toEqualTypeOf<State>());
  consumer.once("denied", (error) => {
    expectTypeOf(error).toEqualTypeOf<ServerError>();
    expectTypeOf(error.names).toEqualTypeOf<readonly (string | Buffer)[]>();
  });
  const closed = (...args: []): void => void args;
  consumer.on("close", closed);
  consumer.off("close", closed);
  consumer.on("gap", (gap) => {
    expectTypeOf(gap).toEqualTypeOf<Gap<string>>();
    expectTypeOf(gap.dropped).toEqualTypeOf<number | null>();
  });
  expectTypeOf<"error" | "gap" | "state" | "denied" | "close">().toExtend<keyof ConsumerEvents>();
  expectTypeOf(consumer.state).toEqualTypeOf<"connecting" | "live" | "reconnecting" | "failed" | "closed">();
  // @ts-expect-error it is given an Error
  consumer.on("error", (count: number) => count);
  // @ts-expect-error messages are no events
  consumer.on("message", () => {});
}

export function ofAClient(client: Redis): void {
  client.on("error", (error) => expectTypeOf(error).toEqualTypeOf<Error>());
  client.on("reconnecting", (info) => {
    expectTypeOf(info.delay).toEqualTypeOf<number>();
    expectTypeOf(info.cause).toEqualTypeOf<unknown>();
  });
  for (const event of ["connect", "ready", "close"] as const) client.once(event, (...args: []) => void args);
  expectTypeOf<"error" | "connect" | "ready" | "reconnecting" | "close">().toExtend<keyof ClientEvents>();
  expectTypeOf(client.state).toEqualTypeOf<ClientState>();
  // @ts-expect-error it is given an Error
  client.on("error", (count: number) => count);
  // @ts-expect-error messages are no events
  client.on("message", () => {});
}

/** `instanceof` narrows to what an error carries. */
export function ofErrors(error: unknown): void {
  if (error instanceof ServerError) {
    expectTypeOf(error.command).toEqualTypeOf<string | null>();
    expectTypeOf(error).toExtend<TidingsError>();
  } else if (error instanceof HandlerError) {
    expectTypeOf(error.pattern).toEqualTypeOf<string | Buffer | null>();
  } else if (error instanceof CodecError) {
    expectTypeOf(error.raw).toEqualTypeOf<Buffer>();
    expectTypeOf(error.channel).toEqualTypeOf<string | Buffer>();
  } else if (error instanceof TidingsError) {
    expectTypeOf(error.code).toExtend<string>();
    expectTypeOf(error).toExtend<Error>();
  }
  expectTypeOf<ArgumentError>().toExtend<TidingsError>();
  void ArgumentError;
}

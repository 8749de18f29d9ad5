import {
  type ItemOf,
  type Named,
  type NameForm,
  type PublishedMessage,
  PubSub,
  type PubSubOptions,
  Redis,
  type RedisOptions,
} from "tidings";
import { afterAll, afterEach, beforeAll, describe, expect } from "vitest";
import { clientList } from "../../support/clients.ts";
import type { ControlClient } from "../../support/control-client.ts";
import { eventually } from "../../support/eventually.ts";
import { type RedisServer, startServer } from "../../support/redis-server.ts";
import type { ServerOptions } from "../../support/server-config.ts";

/** Generous: a busy machine is slow, a broken wait never ends. */
export const PATIENCE = 10_000;

/** What scenarios need: a server, and ways to make consumers that are gone when the scenario ends. */
export interface Bench {
  readonly protocol: 2 | 3;
  readonly server: RedisServer;
  /** The tests' own connection. */
  readonly control: ControlClient;
  /** A client of the protocol under test, closed after the scenario. */
  client<Data = string, In = Data, Form extends NameForm = "utf8">(
    options?: RedisOptions<Data, In, Form>,
  ): Redis<Data, In, Form>;
  /** An open consumer of a client of its own. */
  consumer<Data = string, Form extends NameForm = "utf8", Ignore extends boolean = false>(
    options?: PubSubOptions<Data, Form, Ignore>,
  ): Promise<PubSub<ItemOf<Data, Named<Form>, Ignore>>>;
  /** The same, not opened yet. */
  unopened(options?: PubSubOptions, clientOptions?: RedisOptions): PubSub;
  /** Publishes past the library; resolves to the number of receivers. */
  publish(channel: string | Uint8Array, payload: string | Uint8Array): Promise<number>;
  /** The connections of the library, none of the tests' own. */
  connections(): ReturnType<typeof clientList>;
}

/** Runs scenarios in RESP3 and in RESP2, against one server; after each one no connection may be left. */
export function onEveryProtocol(
  title: string,
  scenarios: (bench: Bench) => void,
  { protocols = [3, 2], ...options }: ServerOptions & { readonly protocols?: readonly (2 | 3)[] } = {},
): void {
  describe(title, () => {
    let running: RedisServer | undefined;

    beforeAll(async () => {
      running = await startServer(options);
    });
    afterAll(async () => {
      await running?.stop();
    });

    describe.each(protocols)("in RESP%i", (protocol) => {
      const clients: { close(): Promise<void> }[] = [];
      const server = (): RedisServer => {
        if (running === undefined) throw new Error("no server outside of a scenario");
        return running;
      };
      const bench: Bench = {
        protocol,
        get server() {
          return server();
        },
        get control() {
          return server().control;
        },
        client(clientOptions) {
          const client = new Redis(server().url, { protocol, ...clientOptions });
          clients.push(client);
          return client;
        },
        consumer: (consumerOptions) => bench.client().pubsub(consumerOptions as PubSubOptions) as never,
        unopened: (consumerOptions, clientOptions) =>
          new PubSub(bench.client(clientOptions), consumerOptions as PubSubOptions),
        publish: async (channel, payload) => Number(await server().control.command("PUBLISH", channel, payload)),
        connections: async () => (await clientList(server().control)).filter(({ user }) => user !== "control"),
      };

      afterEach(async () => {
        await Promise.all(clients.splice(0).map((client) => client.close()));
        await eventually(async () => expect(await bench.connections()).toEqual([]));
      });

      scenarios(bench);
    });
  });
}

/** The next `count` published messages. */
export async function receiveMany<M>(
  consumer: { receive(options: { timeout: number }): Promise<M> },
  count: number,
): Promise<M[]> {
  const messages: M[] = [];
  while (messages.length < count) messages.push(await consumer.receive({ timeout: PATIENCE }));
  return messages;
}

/** The next `count` items of any kind. */
export async function nextItems<M>(
  consumer: { getMessage(options: { timeout: number }): Promise<M | null> },
  count: number,
): Promise<(M | null)[]> {
  const items: (M | null)[] = [];
  while (items.length < count) items.push(await consumer.getMessage({ timeout: PATIENCE }));
  return items;
}

/** Reads until there is nothing to read. */
export async function leftOver<M>(consumer: {
  getMessage(options: { timeout: number }): Promise<M | null>;
}): Promise<M[]> {
  const items: M[] = [];
  for (let item = await consumer.getMessage({ timeout: 0 }); item !== null; ) {
    items.push(item);
    item = await consumer.getMessage({ timeout: 0 });
  }
  return items;
}

/** A message as a consumer gives it. */
export function message(channel: string, data: string): PublishedMessage {
  return { type: "message", pattern: null, channel, data };
}

/** A pattern's message as a consumer gives it. */
export function patternMessage(pattern: string, channel: string, data: string): PublishedMessage {
  return { type: "pmessage", pattern, channel, data };
}

/** What a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error("the promise was expected to reject");
    },
    (error: unknown) => error,
  );
}

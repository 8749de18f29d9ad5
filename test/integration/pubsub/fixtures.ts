import {
  ClusterPubSub,
  type Confirmation,
  type ItemOf,
  type NameForm,
  type NameIn,
  type NameInput,
  type PublishedMessage,
  PubSub,
  type PubSubOptions,
  Redis,
  RedisCluster,
  type RedisOptions,
  ShardedPubSub,
} from "tidings";
import { afterAll, afterEach, beforeAll, describe, expect } from "vitest";
import { clientList } from "../../support/clients.ts";
import type { ControlClient } from "../../support/control-client.ts";
import { eventually } from "../../support/eventually.ts";
import { startCluster } from "../../support/redis-cluster.ts";
import { startServer } from "../../support/redis-server.ts";
import type { ServerOptions } from "../../support/server-config.ts";
import { lacks, type ServerFeature } from "../../support/server-features.ts";
import { expectServerTruth, type WantedSubscriptions } from "../../support/server-truth.ts";
import { type AnyServer, CONTROL_NAME, startTestingServer } from "../../support/testing-server.ts";

/** Generous: a busy machine is slow, a broken wait never ends. */
export const PATIENCE = 10_000;

/**
 * Whose consumers run the scenarios: `PubSub` of a server; `ClusterPubSub` or `ShardedPubSub` of a cluster of one node;
 * `ShardedPubSub` of a server; `PubSub` of the server of tidings/testing.
 */
type ConsumerKind = "server" | "cluster" | "shards" | "server shards" | "testing";

/** What scenarios need: a server, and ways to make consumers that are gone when the scenario ends. */
export interface Bench {
  readonly kind: ConsumerKind;
  readonly protocol: 2 | 3;
  /** Whether there are patterns. Where there are none, `consumer` and its like leave out those of the options. */
  readonly patterns: boolean;
  /** What the consumers are. */
  readonly Class: typeof PubSub;
  /** The server, or the cluster's one node. */
  readonly server: AnyServer;
  /** The tests' own connection. */
  readonly control: ControlClient;
  /** A client of the protocol under test, closed after the scenario. It publishes to where its consumers listen. */
  client<Data = string, In = Data, Form extends NameForm = "utf8">(
    options?: RedisOptions<Data, In, Form>,
  ): Redis<Data, In, Form>;
  /** The same, by way of a proxy, or to any other port. */
  clientAt(port: number, options?: RedisOptions): Redis;
  /** An open consumer of a client of its own. */
  consumer<Data = string, Form extends NameForm = "utf8", Ignore extends boolean = false>(
    options?: PubSubOptions<Data, Form, Ignore>,
  ): Promise<PubSub<ItemOf<Data, NameIn<Form>, Ignore>>>;
  /** The same, not opened yet. */
  unopened(options?: PubSubOptions, clientOptions?: RedisOptions): PubSub;
  /** A consumer of this client, not opened yet. */
  make(client: Redis, options?: PubSubOptions): PubSub;
  /** Publishes past the library; resolves to the number of receivers. */
  publish(channel: string | Uint8Array, payload: string | Uint8Array): Promise<number>;
  /** Waits until the server knows these subscriptions and no others. */
  truth(wanted: WantedSubscriptions): Promise<void>;
  /** A channel's confirmation as a consumer gives it. */
  confirmation(verb: "subscribe" | "unsubscribe", channel: string, count: number): Confirmation;
  /** The connections of the library, none of the tests' own. */
  connections(): ReturnType<typeof clientList>;
}

/** What `onEveryKind` runs scenarios with. */
export interface KindOptions extends ServerOptions {
  readonly kinds?: readonly ConsumerKind[] | undefined;
  /** Without it in the server, the scenarios are skipped. */
  readonly needs?: ServerFeature | undefined;
}

/** The protocols make no difference in a cluster that they do not make on a server; shard channels have frames of their own. */
const variants: readonly (readonly [title: string, kind: ConsumerKind, protocol: 2 | 3])[] = [
  ["in RESP3", "server", 3],
  ["in RESP2", "server", 2],
  ["in a cluster", "cluster", 3],
  ["of shard channels", "shards", 3],
  ["of shard channels, in RESP2", "shards", 2],
  ["of shard channels of one server", "server shards", 3],
  ["on the server of tidings/testing", "testing", 3],
  ["on the server of tidings/testing, in RESP2", "testing", 2],
];

/**
 * Runs scenarios with consumers of every kind, in RESP3 and in RESP2, against one server or a cluster of one node; after
 * each one no connection may be left.
 */
export function onEveryKind(
  title: string,
  scenarios: (bench: Bench) => void,
  { kinds: wanted = ["server", "cluster", "shards", "server shards"], needs, ...options }: KindOptions = {},
): void {
  const kinds = wanted.filter((kind) => !isSharded(kind) || !lacks("shardChannels"));
  describe.skipIf(kinds.length === 0 || (needs !== undefined && lacks(needs)))(title, () => {
    let single: AnyServer | undefined;
    let node: AnyServer | undefined;
    let testing: AnyServer | undefined;

    beforeAll(async () => {
      if (kinds.some((kind) => isAlone(kind) && kind !== "testing")) single = await startServer(options);
      if (kinds.includes("testing")) testing = await startTestingServer();
      if (!kinds.every(isAlone)) {
        [node] = (await startCluster({ ...options, primaries: 1, replicasPerPrimary: 0 })).nodes;
      }
    });
    afterAll(async () => {
      await Promise.all([single?.stop(), node?.stop(), testing?.stop()]);
    });

    describe.each(variants.filter(([, kind]) => kinds.includes(kind)))("%s", (_, kind, protocol) => {
      const clients: { close(): Promise<void> }[] = [];
      const server = (): AnyServer => {
        const running = kind === "testing" ? testing : isAlone(kind) ? single : node;
        if (running === undefined) throw new Error("no server outside of a scenario");
        return running;
      };
      const patterns = !isSharded(kind);
      const adapted = (given: PubSubOptions = {}): PubSubOptions => (patterns ? given : withoutPatterns(given));
      const bench: Bench = {
        kind,
        protocol,
        patterns,
        Class: {
          server: PubSub,
          cluster: ClusterPubSub,
          shards: ShardedPubSub,
          "server shards": ShardedPubSub,
          testing: PubSub,
        }[kind] as never,
        get server() {
          return server();
        },
        get control() {
          return server().control;
        },
        client: (clientOptions) => bench.clientAt(server().port, clientOptions as object) as never,
        clientAt(port, clientOptions) {
          const given = { protocol, ...clientOptions };
          const client = connect(kind, server().urlAt(port), port, given);
          clients.push(client);
          return client;
        },
        consumer: (consumerOptions) => bench.client().pubsub(consumerOptions as PubSubOptions) as never,
        unopened: (consumerOptions, clientOptions) => bench.make(bench.client(clientOptions), consumerOptions),
        make: (client, consumerOptions) => new bench.Class(client, adapted(consumerOptions)),
        publish: async (channel, payload) =>
          Number(await server().control.command(patterns ? "PUBLISH" : "SPUBLISH", channel, payload)),
        truth: ({ channels, ...wanted }) =>
          expectServerTruth(
            server(),
            patterns ? { channels, ...wanted } : { subscribers: wanted.subscribers, shardChannels: channels },
          ),
        confirmation: (verb, channel, count) => ({
          type: patterns ? verb : `s${verb}`,
          pattern: null,
          channel,
          data: count,
        }),
        connections: async () =>
          (await clientList(server().control)).filter(({ user, name }) => user !== "control" && name !== CONTROL_NAME),
      };

      afterEach(async () => {
        await Promise.all(clients.splice(0).map((client) => client.close()));
        await eventually(async () => expect(await bench.connections()).toEqual([]));
      });

      scenarios(bench);
    });
  });
}

/**
 * The same scenarios on the server of tidings/testing as well. What passes on it and on a real server shows that it is true;
 * docs/testing.md names these files.
 */
export function onTestingToo(title: string, scenarios: (bench: Bench) => void): void {
  onEveryKind(title, scenarios, { kinds: ["server", "cluster", "shards", "server shards", "testing"] });
}

/** A client with all that scenarios ask of it, whatever its kind. In a cluster the port is the only one that it dials. */
function connect(kind: ConsumerKind, url: string, port: number, options: RedisOptions): Redis {
  const natMap = ({ host }: { readonly host: string }) => ({ host, port });
  const client = isAlone(kind) ? new Redis(url, options) : new RedisCluster(url, { ...options, natMap });
  if (isSharded(kind)) {
    Object.assign(client, {
      pubsub: (given: PubSubOptions = {}) => client.shardedPubsub(withoutPatterns(given)),
      publish: (channel: NameInput, data: string) => client.spublish(channel, data),
    });
  }
  return client as unknown as Redis;
}

/** Whether its server is no node of a cluster. */
function isAlone(kind: ConsumerKind): boolean {
  return kind === "server" || kind === "server shards" || kind === "testing";
}

function isSharded(kind: ConsumerKind): boolean {
  return kind === "shards" || kind === "server shards";
}

function withoutPatterns({ patterns: _, patternHandlers: __, ...options }: PubSubOptions): PubSubOptions {
  return options;
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

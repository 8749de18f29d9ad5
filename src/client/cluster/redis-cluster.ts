import { setTimeout as delay } from "node:timers/promises";
import { addressOf, type ClusterNode, type Layout } from "../../cluster/layout.ts";
import type { HostPort } from "../../cluster/replies.ts";
import { slotOf } from "../../cluster/slot.ts";
import { Topology } from "../../cluster/topology.ts";
import type { Connection } from "../../connection/connection.ts";
import { Deferred } from "../../core/deferred.ts";
import { after } from "../../core/within.ts";
import { ClosedError, ClusterError, TimeoutError } from "../../errors.ts";
import { latin1, type NameForm, type NameInput } from "../../names.ts";
import { ClusterPubSub } from "../../pubsub/consumer/cluster-pubsub.ts";
import type { NameIn } from "../../pubsub/consumer/options.ts";
import type { PubSub } from "../../pubsub/consumer/pubsub.ts";
import type { ShardedPubSub } from "../../pubsub/consumer/sharded-pubsub.ts";
import type { ClusterConnections, ClusterSource } from "../../pubsub/consumer/source.ts";
import type { AnyItem } from "../../pubsub/model/types.ts";
import { ShardPlacement } from "../../pubsub/placement/shard-placement.ts";
import { type Argument, copyOf } from "../../resp/encoder.ts";
import type { Reply } from "../../resp/reply.ts";
import { BaseClient } from "../base-client.ts";
import type { Client } from "../client.ts";
import type { ClientState } from "../command-link.ts";
import { Keys } from "../keys.ts";
import { Nodes } from "./nodes.ts";
import { type RedisClusterOptions, type ResolvedClusterOptions, resolveClusterOptions } from "./options.ts";
import { Router } from "./router.ts";
import { SlotQueues } from "./slot-queues.ts";

/** How long commands wait for a node before the cluster is asked for the owners of their slots; milliseconds. */
const STALLED = 300;
/** How long the connection to a node that returns waits for the node's role; milliseconds. */
const REFRESH = 1000;

/**
 * A client of a Redis or Valkey Cluster. It learns the nodes from any seed that answers, brings each command to the node
 * that serves its slot, and leases connections to consumers. It connects at its first use.
 *
 * ```ts
 * await using cluster = new RedisCluster("redis://host-1:7000,host-2:7000");
 * ```
 *
 * @throws ArgumentError for a URL that cannot be read, an unknown option, or a value of a wrong kind.
 */
export class RedisCluster<Data = string, In = Data, Form extends NameForm = "utf8">
  extends BaseClient<Data, In, Form>
  implements ClusterSource, Client<In, NameIn<Form>, Data>
{
  /** For `new PubSub(client)` and its like; nothing for users. */
  readonly "~connections": ClusterSource["~connections"];
  /** @internal */
  readonly topology: Topology;
  readonly #options: ResolvedClusterOptions;
  readonly #nodes: Nodes;
  readonly #router: Router;
  readonly #queues: SlotQueues;
  readonly #keys: Keys;
  #closed = false;
  #watching: NodeJS.Timeout | null = null;
  /** Messages that were published before the cluster was known. */
  readonly #early: { readonly send: () => Promise<number>; readonly deferred: Deferred<number> }[] = [];
  /** Why the topology cannot be learned; the next use tries again. */
  #failure: unknown = null;
  #used = false;
  /** Commands that wait for their answers, wherever they are. */
  #unanswered = 0;
  #allAnswered: Deferred<void> | null = null;

  constructor(options?: RedisClusterOptions<Data, In, Form>);
  constructor(url: string | URL, options?: RedisClusterOptions<Data, In, Form>);
  constructor(first?: unknown, second?: unknown) {
    const options = resolveClusterOptions(first, second);
    super(options);
    this.#options = options;
    this.#nodes = new Nodes(
      { ...options, timeouts: this.timeouts },
      {
        connected: () => this.tell("connect"),
        ready: () => {
          if (this.state === "live") this.tell("ready");
        },
        reconnecting: (cause, wait) => {
          this.tell("reconnecting", { delay: wait, cause });
          void this.topology.refresh();
        },
        failed: (cause, told) => this.tellFailure(cause, told),
        stalled: () => this.#watch(),
        departed: (settings) => this.pool.discard(settings),
        demoted: () => void this.topology.refresh(),
        returned: () => this.#refreshed(),
      },
    );
    this.topology = new Topology({
      seeds: options.seeds,
      retryPolicy: options.retryPolicy,
      interval: options.topologyRefreshInterval,
      retrying: (cause, delay) => this.tell("reconnecting", { delay, cause }),
      tls: options.connection.tls !== null,
      translate: options.translate,
      line: (node, signal) => this.#nodes.line(node, signal),
    });
    this.topology.onRefresh(({ nodes }) => this.#nodes.keep(nodes));
    this.#router = new Router({
      topology: this.topology,
      nodes: this.#nodes,
      reach: options.translate,
      commandTimeout: options.commandTimeout,
    });
    this.#queues = new SlotQueues(this.#router, this.#nodes);
    this.#keys = new Keys((args, wantsText) => this.#router.run(args, null, { wantsText }));
    const source: ClusterConnections = {
      kind: "cluster",
      ...this.consumerSource(options.readFromReplicas),
      topology: this.topology,
      reach: options.translate,
      leaseFrom: (node, timeouts, signal) => this.pool.lease(this.#nodes.settingsOf(node), timeouts, signal),
      release: (connection) => this.#release(connection),
      probe: (command, channel, payload, except) => this.#probe(command, channel, payload, except),
      shardPlacement: (host, readFromReplicas) => new ShardPlacement(source, host, readFromReplicas),
    };
    this["~connections"] = source;
    this.heedSignal();
  }

  /**
   * `idle` until the first use, `connecting` until the cluster is known, `live`, `reconnecting` while a node that is used
   * cannot be reached, `failed` (the next use tries again), `closed`.
   */
  get state(): ClientState {
    if (this.#closed) return "closed";
    if (this.topology.layout === null) {
      if (this.#failure !== null) return "failed";
      return this.#used ? "connecting" : "idle";
    }
    return this.#nodes.states.includes("reconnecting") ? "reconnecting" : "live";
  }

  /**
   * Learns the nodes and connects to one of them, within `readyTimeout`. Optional: the first use does it. Rejects with
   * `ClusterError` that names every seed and why it did not help, or with `ServerError` when the login is refused.
   */
  async connect(): Promise<this> {
    this.assertOpen();
    this.#used = true;
    const { readyTimeout } = this;
    const since = performance.now();
    const layout = await this.#known(readyTimeout);
    const living = layout.primaries.filter(({ failed }) => !failed);
    const candidates = living.length > 0 ? living : [...layout.nodes.values()];
    if (candidates.length === 0) throw new ClusterError("The cluster has no node that serves slots.");
    await this.#connectToOne(candidates, Math.max(1, readyTimeout - (performance.now() - since)));
    return this;
  }

  /** Tries one node, and the next as well when that takes its time. Rejects with what came of the first. */
  async #connectToOne(nodes: readonly HostPort[], timeout: number): Promise<void> {
    const connected = new AbortController();
    const attempts = nodes.map(async (node, index) => {
      await delay(index * NEXT_NODE, undefined, { signal: connected.signal }).catch(() => {});
      if (!connected.signal.aborted)
        await this.#nodes.link(node).connect(timeout - Math.min(timeout / 2, index * NEXT_NODE));
    });
    try {
      await Promise.any(attempts);
    } catch {
      await attempts[0];
    } finally {
      connected.abort();
    }
  }

  /** @internal */
  protected override newPubSub<Item extends AnyItem>(options: object | undefined): PubSub<Item> {
    this.#used = true;
    return new ClusterPubSub<Item>(this, options);
  }

  /** @internal */
  protected override newShardedPubSub<Item extends AnyItem>(options: object | undefined): ShardedPubSub<Item> {
    this.#used = true;
    return super.newShardedPubSub(options);
  }

  async #release(connection: Connection): Promise<void> {
    const { endpoint } = connection.settings;
    const address = "path" in endpoint ? endpoint.path : addressOf(endpoint.host, endpoint.port);
    if (this.topology.layout?.nodes.has(address) === false) {
      connection.destroy(new ClosedError("The node is no longer part of the cluster."));
      await connection.gone;
      return;
    }
    await this.pool.release(connection);
  }

  /** Publishes as a probe: a classic message through another node than the one named. */
  async #probe(
    command: "PUBLISH" | "SPUBLISH",
    channel: Buffer,
    payload: string,
    except: HostPort | null,
  ): Promise<Reply> {
    if (command === "SPUBLISH") return this.send(command, channel, [command, channel, payload]);
    const { nodes } = await this.#known(this.#options.commandTimeout);
    const here = except === null ? null : addressOf(except.host, except.port);
    const others = [...nodes.values()].filter(({ address, failed }) => address !== here && !failed);
    const node = others[Math.floor(Math.random() * others.length)] ?? except;
    if (node === null) throw new ClusterError("The cluster has no other node.");
    return this.#nodes.link(node).command([command, channel, payload]);
  }

  /** While commands wait for a node, the cluster is asked from time to time for the owners of their slots. */
  #watch(): void {
    this.#watching ??= setTimeout(() => {
      this.#watching = null;
      if (this.#nodes.awaited && !this.#closed) void this.topology.refresh();
    }, STALLED);
  }

  /** Waits for a refresh, for so long as it is worth it. */
  async #refreshed(): Promise<void> {
    const timer = new AbortController();
    const late = delay(REFRESH, undefined, { signal: timer.signal }).catch(() => {});
    await Promise.race([this.topology.refresh(), late]);
    timer.abort();
  }

  // What the base class leaves open.

  /** @internal */
  protected send(_command: "PUBLISH" | "SPUBLISH", channel: NameInput, args: readonly Argument[]): Promise<number> {
    this.#used = true;
    const slot = slotOf(latin1(channel));
    // What may have to be sent again is kept: the caller may change its bytes meanwhile.
    const copy = args.map(kept);
    const send = () => this.#queues.send(slot, copy) as Promise<number>;
    return this.#counted(this.topology.layout === null || this.#early.length > 0 ? this.#wait(copy, send) : send());
  }

  /** Counts a command until it is answered. */
  #counted<T>(reply: Promise<T>): Promise<T> {
    this.#unanswered++;
    const answered = () => {
      if (--this.#unanswered === 0) this.#allAnswered?.resolve();
    };
    reply.then(answered, answered);
    return reply;
  }

  /** @internal */
  protected answered(): Promise<void> {
    if (this.#unanswered === 0) return Promise.resolve();
    this.#allAnswered ??= new Deferred();
    return this.#allAnswered.promise;
  }

  /** Until the cluster is known all messages wait in one line, whatever their slots. */
  #wait(args: readonly Argument[], send: () => Promise<number>): Promise<number> {
    const deferred = new Deferred<number>();
    this.#early.push({ send, deferred });
    if (this.#early.length === 1) {
      this.#router.known(args).then(
        () => {
          for (const early of this.#early.splice(0)) early.deferred.resolve(early.send());
        },
        (error) => {
          for (const early of this.#early.splice(0)) early.deferred.reject(error);
        },
      );
    }
    return deferred.promise;
  }

  /** @internal */
  protected async run(args: readonly Argument[], wantsText: boolean): Promise<Reply> {
    this.#used = true;
    const copy = args.map(kept);
    return this.#counted(this.#keys.slotOf(copy).then((slot) => this.#router.run(copy, slot, { wantsText })));
  }

  /** @internal */
  protected async everywhere(args: readonly Argument[], wantsText: boolean): Promise<Reply[]> {
    this.#used = true;
    const layout = await this.#known(this.#options.commandTimeout);
    const living = [...layout.nodes.values()].filter(({ failed }) => !failed);
    const replies = await Promise.all(living.map((node) => this.#ask(node, args, wantsText)));
    return replies.filter((reply) => reply !== undefined);
  }

  /** A node's reply; `undefined` from one that has left the cluster before it was asked. */
  async #ask(node: ClusterNode, args: readonly Argument[], wantsText: boolean): Promise<Reply | undefined> {
    try {
      return await this.#nodes.link(node).command(args, wantsText);
    } catch (error) {
      if (this.#closed || !(error instanceof ClosedError) || this.topology.layout?.nodes.has(node.address)) throw error;
      return undefined;
    }
  }

  /** @internal */
  protected async end(): Promise<void> {
    this.#closed = true;
    if (this.#watching !== null) clearTimeout(this.#watching);
    this.topology.close();
    await this.#nodes.close();
  }

  /** The layout, within milliseconds. The reason why no node gives it is more useful than a plain time-out. */
  async #known(timeout: number): Promise<Layout> {
    const { layout } = this.topology;
    if (layout !== null) return layout;
    const late = new AbortController();
    const timer = after(timeout, () => late.abort());
    try {
      this.#failure = null;
      return await this.topology.known(late.signal);
    } catch (error) {
      const { failure } = this.topology;
      this.#failure = late.signal.aborted ? (failure ?? new TimeoutError(`No cluster within ${timeout} ms.`)) : error;
      throw this.#failure;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** How long the first connection to a node may take before the next node is tried as well; milliseconds. */
const NEXT_NODE = 250;

/** An argument that the caller cannot change any more. */
function kept(arg: Argument): Argument {
  return typeof arg === "object" ? copyOf(arg) : arg;
}

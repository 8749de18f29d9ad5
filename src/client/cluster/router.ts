import { setTimeout as delay } from "node:timers/promises";
import type { ClusterNode, Layout } from "../../cluster/layout.ts";
import { isUnsettled, redirectOf, targetOf } from "../../cluster/redirects.ts";
import type { HostPort } from "../../cluster/replies.ts";
import type { Topology } from "../../cluster/topology.ts";
import { unservedText } from "../../cluster/unserved.ts";
import { handled } from "../../core/deferred.ts";
import { ClusterError, ServerError, TimeoutError } from "../../errors.ts";
import type { Argument } from "../../resp/encoder.ts";
import type { Reply } from "../../resp/reply.ts";
import { NeverSent, Unsent } from "../command-link.ts";
import type { Nodes } from "./nodes.ts";

/** What a router works with. */
export interface RouterOptions {
  readonly topology: Topology;
  readonly nodes: Nodes;
  readonly reach: (announced: HostPort) => HostPort;
  /** Milliseconds. */
  readonly commandTimeout: number;
}

/** A command on its way. */
interface RoutedCommand {
  readonly args: readonly Argument[];
  /** `null`: any node will do. */
  readonly slot: number | null;
  /** When it was issued: `performance.now()` time. */
  readonly since: number;
}

/** A command that the server did not run. */
export interface Refusal {
  readonly error: ServerError;
  /** The node that refused it. */
  readonly node: HostPort | null;
}

/** How a command is run. */
export interface RunOptions {
  /** Whether bulk strings of the reply are wanted as text; else they are Buffers. Default true. */
  readonly wantsText?: boolean;
  readonly refused?: Refusal | null;
  /** When it was issued: `performance.now()` time. Default: now. */
  readonly since?: number;
}

/** How often a command is sent on before it is given up. */
const REDIRECTS = 16;
/** The first redirects are followed at once; before the others nodes get time to agree. Milliseconds. */
const AT_ONCE = 2;
const FIRST_WAIT = 10;
const LONGEST_WAIT = 500;
/** A command is sent again only while it has this part of its time for an answer... */
const LAST_CHANCE = 1 / 4;
/** ...or so long; milliseconds. */
const LONGEST_CHANCE = 1000;
/** One of so many questions for the owner of a slot goes to a node that may not be connected. */
const ELSEWHERE = 4;

/**
 * Brings commands to the node that serves their slot: follows MOVED and ASK, waits where no node serves the slot, and
 * sends what was not sent to a node that fails to another. What was sent is never sent again unless the server refused it.
 */
export class Router {
  readonly #options: RouterOptions;

  constructor(options: RouterOptions) {
    this.#options = options;
  }

  /** Runs a command within `commandTimeout`; it may have been refused already. */
  async run(
    args: readonly Argument[],
    slot: number | null,
    { wantsText = true, refused = null, since = performance.now() }: RunOptions = {},
  ): Promise<Reply> {
    const routed: RoutedCommand = { args, slot, since };
    if (this.#isLate(routed)) throw this.#late(routed);
    let refusal = refused;
    let redirects = 0;
    let unsettled = 0;
    /** Why the command was not run when a node was asked last. */
    let last: ServerError | null = null;
    /** The slot; a redirect may supply one that the client did not know. */
    let place = slot;
    for (;;) {
      let ask: HostPort | null = null;
      if (refusal !== null) {
        last = refusal.error;
        const redirect = redirectOf(refusal.error);
        if (redirect === null) unsettled++;
        else redirects++;
        place ??= redirect?.slot ?? null;
        ask = await this.#applyBackPressure(refusal, routed, { redirects, unsettled });
      }
      const layout = await this.#layout(routed);
      // Where the owner of the slot is not known, any node answers with a MOVED that names it.
      const node =
        ask ?? this.#nodeFor(layout, place) ?? (place === null ? null : this.#anyNode(layout, unsettled + 1));
      if (node === null) {
        refusal = { error: new ServerError("CLUSTERDOWN No node of the cluster can be reached"), node: null };
        continue;
      }
      try {
        const link = this.#options.nodes.link(node);
        // Both go out in one piece, so nothing comes between them.
        if (ask !== null) void handled(link.command(["ASKING"], true, routed.since));
        return await link.command(args, wantsText, routed.since, true);
      } catch (error) {
        if (isRefusal(error)) refusal = { error, node };
        else if (last?.code === "CLUSTERDOWN" && error instanceof NeverSent) throw this.#unserved(routed, last);
        else if (!(error instanceof Unsent)) throw error;
        else if (this.#isLate(routed)) throw this.#late(routed);
        else refusal = null;
      }
    }
  }

  /** Resolves when the cluster is known; rejects when that takes longer than the command may. */
  async known(args: readonly Argument[]): Promise<void> {
    await this.#layout({ args, slot: null, since: performance.now() });
  }

  /** The node that a command goes to first; `null` where that is not known at once. */
  nodeFor(slot: number): ClusterNode | null {
    const { layout } = this.#options.topology;
    return layout === null ? null : this.#nodeFor(layout, slot);
  }

  /** The node of this address if it has not failed; else any other that has not. */
  living(address: string | null): ClusterNode | null {
    const { layout } = this.#options.topology;
    if (layout === null) return null;
    const node = address === null ? undefined : layout.nodes.get(address);
    return node?.failed === false ? node : this.#nodeFor(layout, null);
  }

  #nodeFor(layout: Layout, slot: number | null): ClusterNode | null {
    if (slot !== null) return layout.ownerOf(slot);
    return randomOf(layout.primaries.filter(({ failed }) => !failed));
  }

  /** A node to ask for the owner of a slot: mostly a connected one, and a primary if there is one. */
  #anyNode(layout: Layout, unsettled: number): ClusterNode | null {
    const living = [...layout.nodes.values()].filter(({ failed }) => !failed);
    const connected = living.filter(({ address }) => this.#options.nodes.ready(address) !== null);
    const candidates = connected.length > 0 && unsettled % ELSEWHERE !== 0 ? connected : living;
    return randomOf(candidates.filter(({ role }) => role === "primary")) ?? randomOf(candidates);
  }

  /** The layout, within the command's time. */
  async #layout(routed: RoutedCommand): Promise<Layout> {
    const { topology, commandTimeout } = this.#options;
    if (topology.layout !== null) return topology.layout;
    const timer = new AbortController();
    const late = delay(routed.since + commandTimeout - performance.now(), null, { signal: timer.signal }).catch(
      () => null,
    );
    try {
      const layout = await Promise.race([topology.known(timer.signal), late]);
      if (layout !== null) return layout;
    } finally {
      timer.abort();
    }
    throw this.#late(routed);
  }

  #late({ args }: RoutedCommand): TimeoutError {
    const cause = this.#options.topology.failure;
    const why = cause instanceof Error ? ` ${cause.message}` : "";
    const what = String(args[0]).toUpperCase();
    return new TimeoutError(`${what} was not sent: no node for it within ${this.#options.commandTimeout} ms.${why}`, {
      cause: cause ?? undefined,
    });
  }

  /** What a command rejects with whose slot was not served in its time. */
  #unserved({ args, slot }: RoutedCommand, error: ServerError): ServerError {
    const [command, channel] = [String(args[0]).toUpperCase(), args[1]];
    const names =
      command.endsWith("PUBLISH") && (typeof channel === "string" || Buffer.isBuffer(channel)) ? [channel] : [];
    if (slot === null || error.code !== "CLUSTERDOWN") return error.about(command, names);
    const why = unservedText(new Map([[slot, names]]), error);
    const message = `${error.message}. ${command} was refused for ${this.#options.commandTimeout} ms. ${why}`;
    return new ServerError(message, command, names);
  }

  /** Learns from a refusal, and waits if need be; resolves to the node to ask just this once, if it names one. */
  async #applyBackPressure(
    { error, node }: Refusal,
    routed: RoutedCommand,
    { redirects, unsettled }: { readonly redirects: number; readonly unsettled: number },
  ): Promise<HostPort | null> {
    const { topology, reach } = this.#options;
    const redirect = redirectOf(error);
    const command = String(routed.args[0]).toUpperCase();
    const giveUp = (): Error =>
      redirect === null
        ? this.#unserved(routed, error)
        : new ClusterError(`${command} was sent on ${redirects} times, at last with: ${error.message}.`, {
            cause: error,
          });
    if (redirects > REDIRECTS || this.#isLate(routed)) throw giveUp();
    const announced = redirect && targetOf(redirect, node, topology.layout?.nodes.values() ?? []);
    const target = announced && reach(announced);
    if (redirect?.kind === "moved") topology.moved(redirect.slot, target);
    if (redirect === null || redirect.host === "") void topology.refresh();
    if (target === null || redirects > AT_ONCE) {
      const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** Math.max(unsettled, redirects - AT_ONCE));
      const left = routed.since + this.#options.commandTimeout - performance.now();
      const pause = wait * (0.5 + Math.random() / 2);
      // What is sent at the last moment would end without an answer, and it would not be known whether it was run.
      const chance = Math.min(this.#options.commandTimeout * LAST_CHANCE, LONGEST_CHANCE);
      const last = left - pause < chance;
      await delay(last ? Math.max(0, left) : pause);
      // A timer may be a little early.
      if (last || this.#isLate(routed)) throw giveUp();
    }
    return redirect?.kind === "ask" ? target : null;
  }

  #isLate({ since }: RoutedCommand): boolean {
    return performance.now() - since >= this.#options.commandTimeout;
  }
}

function randomOf(nodes: readonly ClusterNode[]): ClusterNode | null {
  return nodes[Math.floor(Math.random() * nodes.length)] ?? null;
}

/** Whether the server did not run the command, and another node will, or the same one later. */
export function isRefusal(error: unknown): error is ServerError {
  return error instanceof ServerError && (redirectOf(error) !== null || isUnsettled(error));
}

import { setTimeout as sleep } from "node:timers/promises";
import type { ClusterMembers } from "./cluster-members.ts";
import type { ClusterNode } from "./cluster-node.ts";
import type { ControlClient } from "./control-client.ts";
import { RespError } from "./resp-reader.ts";
import { slotOf } from "./slot.ts";
import { type Stamper, type StamperOptions, startStamper } from "./stamper.ts";

/** Replies with which a node says that it did nothing, and that another node or another moment may do. */
const ELSEWHERE = new Set(["MOVED", "ASK", "CLUSTERDOWN", "TRYAGAIN", "LOADING", "MASTERDOWN", "READONLY"]);
/** Pause between two tries of a command that was not carried out, in milliseconds. */
const PAUSE = 10;

export interface ShardSenderOptions {
  /** How long a command that was surely not carried out is tried again, in milliseconds. Default 1,000. */
  readonly patience?: number | undefined;
  /** How long a node may take to answer; after that nobody knows whether it has acted. Default 10,000. */
  readonly timeout?: number | undefined;
}

/** Starts a stamper that publishes each channel by SPUBLISH to the node of its slot, wherever that moves. */
export function startShardStamper(
  members: ClusterMembers,
  { patience, timeout, ...options }: Omit<StamperOptions, "sender" | "command" | "lanes"> & ShardSenderOptions,
): Stamper {
  const sender = new ShardSender(members, { patience, timeout });
  return startStamper({ ...options, sender, command: "SPUBLISH", lanes: true });
}

/**
 * Sends commands whose first argument is a key or shard channel to the primary of its slot, past any proxy.
 *
 * What was refused, or never sent because nobody listened, is tried again where the slot is by then; what was lost after
 * it was sent rejects at once, for nobody knows its fate.
 */
class ShardSender {
  readonly #members: ClusterMembers;
  readonly #options: ShardSenderOptions;
  readonly #controls = new Map<ClusterNode, ControlClient>();
  /** Who was named by a MOVED, by slot. */
  readonly #moved = new Map<number, ClusterNode>();
  #refreshing: Promise<void> | undefined;

  constructor(members: ClusterMembers, options: ShardSenderOptions = {}) {
    this.#members = members;
    this.#options = options;
  }

  command(...words: string[]): Promise<unknown> {
    return this.commandTried(() => {}, ...words);
  }

  async commandTried(onSend: () => void, ...words: string[]): Promise<unknown> {
    const slot = slotOf(words[1] ?? "");
    const end = performance.now() + (this.#options.patience ?? 1_000);
    for (;;) {
      try {
        onSend();
        return await this.#control(this.#owner(slot)).command(...words);
      } catch (error) {
        if (!unsent(error) || performance.now() > end) throw error;
        await sleep(PAUSE);
        await this.#relocate(slot, error);
      }
    }
  }

  #owner(slot: number): ClusterNode {
    return this.#moved.get(slot) ?? this.#members.ownerOf(slot);
  }

  #control(node: ClusterNode): ControlClient {
    const control = this.#controls.get(node) ?? node.openControl(this.#options.timeout);
    this.#controls.set(node, control);
    return control;
  }

  async #relocate(slot: number, error: unknown): Promise<void> {
    const port = Number(/^MOVED \d+ \S*:(\d+)$/.exec(error instanceof RespError ? error.message : "")?.[1]);
    const named = this.#members.byPort(port);
    if (named?.alive) {
      this.#moved.set(slot, named);
      return;
    }
    this.#moved.delete(slot);
    // All lanes of a dead node ask at the same time: one question will do.
    this.#refreshing ??= this.#members.refresh().finally(() => {
      this.#refreshing = undefined;
    });
    await this.#refreshing;
  }
}

/** Whether the command was surely not carried out, and may be elsewhere or later. */
function unsent(error: unknown): boolean {
  if (error instanceof RespError) return ELSEWHERE.has(error.code);
  if (!(error instanceof Error)) return false;
  if (error.message.endsWith("belongs to no node")) return true;
  const code = (error.cause as NodeJS.ErrnoException | undefined)?.code;
  return code === "ECONNREFUSED" || code === "ENOENT";
}

import * as net from "node:net";
import { CommandRewriter, type Rewrite } from "./command-rewriter.ts";
import { Flow, type FlowFaults } from "./proxy-flow.ts";
import type { Stage } from "./proxy-stages.ts";

/** How a connection is cut: at once and with an error, or as by a server that hangs up. */
export type CutMode = "reset" | "end";

/** The two ways through a proxy. */
export type Direction = "toServer" | "toClient";

/** Where on its way a connection is to be cut. */
export interface CutPlan {
  readonly direction: Direction;
  /** The stage that finds the place. */
  readonly stage: Stage;
  readonly mode: CutMode;
  /** Called when it was cut. */
  readonly done: () => void;
}

/** One accepted connection and its other half to the server. */
export class ProxyConnection {
  readonly id: number;
  /** When it was accepted, in epoch milliseconds. */
  readonly acceptedAt: number = Date.now();
  /** The address it came from. */
  readonly from: string;
  /** When both halves are. */
  readonly closed: Promise<void>;
  readonly #client: net.Socket;
  readonly #server: net.Socket;
  readonly #flows: Readonly<Record<Direction, Flow>>;
  #open = true;
  #dialled = false;
  #plan: CutPlan | undefined;
  /** What a stalled side did meanwhile, to be told to the other when the stall ends. */
  readonly #untold: { readonly direction: Direction; readonly tell: () => void }[] = [];

  constructor(id: number, client: net.Socket, faults: Readonly<Record<Direction, FlowFaults>>, rewrite?: Rewrite) {
    this.id = id;
    this.#client = client;
    this.from = client.remoteAddress ?? "";
    this.#server = new net.Socket({ allowHalfOpen: true });
    const cut = (): void => {
      this.cut(this.#plan?.mode);
      this.#plan?.done();
    };
    this.#flows = {
      toServer: new Flow(client, this.#server, faults.toServer, cut),
      toClient: new Flow(this.#server, client, faults.toClient, cut),
    };
    if (rewrite !== undefined) {
      const rewriter = new CommandRewriter(rewrite);
      this.#flows.toServer.stages.push(rewriter.toServer);
      this.#flows.toClient.stages.push(rewriter.toClient);
    }
    this.closed = Promise.all(
      [client, this.#server].map((socket) => new Promise((resolve) => socket.once("close", resolve))),
    ).then(() => {});
    this.#watch();
  }

  get open(): boolean {
    return this.#open;
  }

  /** Whether the other half was dialled; a held connection waits for that. */
  get dialled(): boolean {
    return this.#dialled;
  }

  get bytesToServer(): number {
    return this.#flows.toServer.bytes;
  }

  get bytesToClient(): number {
    return this.#flows.toClient.bytes;
  }

  /** Dials the server and lets the bytes flow. */
  dial(port: number, host: string): void {
    if (this.#dialled || !this.#open) return;
    this.#dialled = true;
    this.#server.setNoDelay(true);
    this.#server.connect(port, host);
    this.#flows.toServer.start();
    this.#flows.toClient.start();
  }

  /** Changes the faults of one direction. */
  setFaults(direction: Direction, faults: Partial<FlowFaults>): void {
    const flow = this.#flows[direction];
    Object.assign(flow.faults, faults);
    if (this.#dialled) flow.apply();
    if (flow.faults.stalled) return;
    for (const untold of this.#untold.splice(0)) {
      if (untold.direction === direction) untold.tell();
      else this.#untold.push(untold);
    }
  }

  /** Makes this connection's plan to be cut `plan`, in place of an earlier one; `undefined` drops it. */
  planCut(plan: CutPlan | undefined): void {
    const { toServer, toClient } = this.#flows;
    const former = this.#plan?.stage;
    for (const { stages } of [toServer, toClient]) {
      const index = former === undefined ? -1 : stages.indexOf(former);
      if (index >= 0) stages.splice(index, 1);
    }
    this.#plan = plan;
    if (plan !== undefined) this.#flows[plan.direction].stages.push(plan.stage);
  }

  /** Ends the connection on both sides. */
  cut(mode: CutMode = "reset"): void {
    this.#stop();
    for (const socket of [this.#client, this.#server]) {
      if (mode === "reset") reset(socket);
      else {
        socket.end(() => socket.destroy());
        socket.resume();
      }
    }
  }

  #stop(): void {
    this.#open = false;
    this.#flows.toServer.close();
    this.#flows.toClient.close();
  }

  #watch(): void {
    this.#watchSocket(this.#client, this.#server, "toServer");
    this.#watchSocket(this.#server, this.#client, "toClient");
    // No server needs a half-closed connection; a client that got the server's FIN answers with its own.
    this.#server.once("finish", () => this.#server.destroy());
  }

  /** `direction` is the way by which the other side hears of this one. */
  #watchSocket(socket: net.Socket, other: net.Socket, direction: Direction): void {
    let failed = false;
    socket.on("error", () => {
      failed = true;
    });
    socket.once("close", () => {
      const tell = (): void => {
        this.#stop();
        if (failed) reset(other);
        else if (!other.destroyed) other.destroySoon();
      };
      // A link that carries no byte carries no FIN or RST either.
      if (this.#open && this.#flows[direction].faults.stalled) this.#untold.push({ direction, tell });
      else tell();
    });
  }
}

/** A RST; what Node cannot reset, because it is not connected or in the middle of its FIN, is only destroyed. */
function reset(socket: net.Socket): void {
  if (socket.destroyed) return;
  const ending = socket.writableEnded && !socket.writableFinished;
  if (socket.connecting || socket.pending || ending) socket.destroy();
  else socket.resetAndDestroy();
}

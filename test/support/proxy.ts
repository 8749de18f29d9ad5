import * as net from "node:net";
import type { Rewrite } from "./command-rewriter.ts";
import { freePort } from "./free-port.ts";
import { type CutMode, type Direction, ProxyConnection } from "./proxy-connection.ts";
import { type FlowFaults, noFaults } from "./proxy-flow.ts";
import { ByteLimit, MatchLimit, type Stage } from "./proxy-stages.ts";

/** Which connections a planned cut is for, and how it is done. */
export interface CutOptions {
  /**
   * `"next"`: the next connections, counted from their start (the default). `"open"`: those open now, counted from
   * now.
   */
  readonly connections?: "next" | "open" | undefined;
  /** With `"next"`: how many of them. Default 1, so that the reconnect after the cut gets through. */
  readonly times?: number | undefined;
  /** Default `"reset"`. */
  readonly mode?: CutMode | undefined;
  /** In which direction is counted. Default `"toClient"`. */
  readonly direction?: Direction | undefined;
}

type Which = Direction | "both";

interface NextCut {
  readonly create: () => Stage;
  readonly direction: Direction;
  readonly mode: CutMode;
  left: number;
}

/** Starts a proxy on a free loopback port in front of `port` at `host`. */
export async function startProxy(port: number, host = "127.0.0.1"): Promise<TcpProxy> {
  for (let attempt = 1; ; attempt++) {
    const proxy = new TcpProxy(await freePort(), port, host);
    try {
      await proxy.accept();
      return proxy;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE" || attempt === 10) throw error;
    }
  }
}

/**
 * A TCP proxy whose faults are switched at run time. Faults hold for the connections open now and for later ones, until
 * `heal`.
 *
 * Stalled bytes are kept, not dropped: a link that comes back is whole, as TCP has it. While a direction is stalled no
 * FIN or RST passes either, so the server may keep a connection whose client is long gone, as it does in life.
 */
export class TcpProxy implements AsyncDisposable {
  readonly host = "127.0.0.1";
  readonly port: number;
  /** When each connection was accepted, in epoch milliseconds. */
  readonly accepted: number[] = [];
  /** How many planned cuts were made. */
  cuts = 0;
  readonly #connections = new Set<ProxyConnection>();
  readonly #faults: Readonly<Record<Direction, FlowFaults>> = { toServer: noFaults(), toClient: noFaults() };
  #target: { readonly port: number; readonly host: string };
  #listener: net.Server | undefined;
  #holding = false;
  #rewrite: Rewrite | undefined;
  #nextCut: NextCut | undefined;
  readonly #shunned = new Set<string>();
  readonly #spared = new Set<ProxyConnection>();
  #spares: (address: string) => boolean = () => false;
  #closedBytes = { toServer: 0, toClient: 0 };

  /** Use {@link startProxy}. */
  constructor(listenOn: number, port: number, host: string) {
    this.port = listenOn;
    this.#target = { port, host };
  }

  /** The connections open now, oldest first. */
  get connections(): readonly ProxyConnection[] {
    return [...this.#connections];
  }

  /** How many connections are open now. */
  get open(): number {
    return this.#connections.size;
  }

  /** Bytes that passed, over all connections there were. */
  get bytesToServer(): number {
    return this.connections.reduce((sum, { bytesToServer }) => sum + bytesToServer, this.#closedBytes.toServer);
  }

  get bytesToClient(): number {
    return this.connections.reduce((sum, { bytesToClient }) => sum + bytesToClient, this.#closedBytes.toClient);
  }

  /** Where later connections lead. */
  retarget(port: number, host = "127.0.0.1"): void {
    this.#target = { port, host };
  }

  /** Ends every fault and planned cut; stalled bytes go on, held connections are dialled. */
  async heal(): Promise<void> {
    this.#nextCut = undefined;
    this.#rewrite = undefined;
    this.#shunned.clear();
    this.#holding = false;
    for (const connection of this.#connections) connection.planCut(undefined);
    this.#set("both", noFaults());
    await this.accept();
  }

  /** No byte either way, and no FIN; connecting still works. Connections accepted meanwhile are held. */
  blackhole(): void {
    this.stall("both");
  }

  /** No byte passes in the direction; what waits goes on after `heal`. */
  stall(which: Which): void {
    this.#set(which, { stalled: true });
  }

  /** At most `size` bytes at a time, each with a turn of the event loop to itself. */
  fragment(size = 1, which: Which = "toClient"): void {
    this.#set(which, { fragment: size });
  }

  /** Every byte arrives `ms` milliseconds later, in order. */
  delay(ms: number, which: Which = "both"): void {
    this.#set(which, { delay: ms });
  }

  /** No more than so many bytes pass in a second. */
  throttle(rate: number, which: Which = "toClient"): void {
    this.#set(which, { rate });
  }

  /** Connecting fails with ECONNREFUSED; what is open stays. */
  refuse(): void {
    this.#listener?.close();
    this.#listener = undefined;
  }

  /** Later connections from such addresses suffer no fault but `refuse`, and are counted nowhere. */
  spare(spares: (address: string) => boolean): void {
    this.#spares = spares;
  }

  /** Connections from this address are reset, those open now and later ones, until `heal`. */
  shun(address: string): void {
    this.#shunned.add(address);
    this.cut(
      "reset",
      this.connections.filter(({ from }) => from === address),
    );
  }

  /** Connecting works again after `refuse`. */
  async accept(): Promise<void> {
    if (this.#listener !== undefined) return;
    const listener = net.createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (socket) =>
      this.#accept(socket),
    );
    await new Promise<void>((resolve, reject) => {
      listener.once("error", reject);
      listener.listen(this.port, this.host, resolve);
    });
    this.#listener = listener;
  }

  /** Connecting works, but nobody answers, until `heal`. */
  hold(): void {
    this.#holding = true;
  }

  /** Cuts the connections given, or all, at once; gives their number. */
  cut(mode: CutMode = "reset", connections: Iterable<ProxyConnection> = this.connections): number {
    let count = 0;
    for (const connection of connections) {
      connection.cut(mode);
      count += 1;
    }
    return count;
  }

  /** Lets exactly `limit` bytes through, then cuts. */
  cutAfterBytes(limit: number, options: CutOptions = {}): void {
    this.#planCut(() => new ByteLimit(limit), options);
  }

  /** Cuts right after the `count`-th occurrence of a byte sequence. */
  cutAfterMatch(sequence: string | Buffer, count: number, options: CutOptions = {}): void {
    this.#planCut(() => new MatchLimit(Buffer.from(sequence), count, "after"), options);
  }

  /** Cuts right before the `count`-th occurrence: with the beginning of a frame, `count - 1` whole frames get through. */
  cutBeforeMatch(sequence: string | Buffer, count: number, options: CutOptions = {}): void {
    this.#planCut(() => new MatchLimit(Buffer.from(sequence), count, "before"), options);
  }

  /** Rewrites or answers the commands of later connections (not with TLS); `undefined` ends that. */
  rewriteCommands(rewrite: Rewrite | undefined): void {
    this.#rewrite = rewrite;
  }

  /** Answers one command on the server's behalf, on later connections: `answer("HELLO", "-NOPROTO sorry\r\n")`. */
  answer(name: string, reply: string | Buffer): void {
    this.rewriteCommands((words) => (words[0]?.toUpperCase() === name.toUpperCase() ? { reply } : undefined));
  }

  /** Closes everything. */
  async stop(): Promise<void> {
    this.refuse();
    const connections = [...this.connections, ...this.#spared];
    this.cut("reset", connections);
    await Promise.all(connections.map(({ closed }) => closed));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #accept(socket: net.Socket): void {
    if (this.#shunned.has(socket.remoteAddress ?? "")) {
      socket.on("error", () => {}).resetAndDestroy();
      return;
    }
    if (this.#spares(socket.remoteAddress ?? "")) {
      this.#pass(socket);
      return;
    }
    const faults = { toServer: { ...this.#faults.toServer }, toClient: { ...this.#faults.toClient } };
    const connection = new ProxyConnection(this.accepted.length, socket, faults, this.#rewrite);
    this.accepted.push(connection.acceptedAt);
    this.#connections.add(connection);
    connection.closed.then(() => {
      this.#connections.delete(connection);
      this.#closedBytes.toServer += connection.bytesToServer;
      this.#closedBytes.toClient += connection.bytesToClient;
    });
    if (this.#nextCut !== undefined && this.#nextCut.left > 0) {
      this.#nextCut.left -= 1;
      this.#planFor(connection, this.#nextCut);
    }
    this.#dialHeld();
  }

  #pass(socket: net.Socket): void {
    const connection = new ProxyConnection(-1, socket, { toServer: noFaults(), toClient: noFaults() });
    this.#spared.add(connection);
    connection.closed.then(() => this.#spared.delete(connection));
    connection.dial(this.#target.port, this.#target.host);
  }

  #set(which: Which, faults: Partial<FlowFaults>): void {
    for (const direction of which === "both" ? (["toServer", "toClient"] as const) : [which]) {
      Object.assign(this.#faults[direction], faults);
      for (const connection of this.#connections) connection.setFaults(direction, faults);
    }
    this.#dialHeld();
  }

  /** A connection through which not even a byte of the client comes is unknown to the server, too. */
  #dialHeld(): void {
    if (this.#holding || this.#faults.toServer.stalled) return;
    for (const connection of this.#connections) connection.dial(this.#target.port, this.#target.host);
  }

  #planCut(create: () => Stage, options: CutOptions): void {
    const { connections = "next", times = 1, mode = "reset", direction = "toClient" } = options;
    const plan: NextCut = { create, direction, mode, left: times };
    if (connections === "next") this.#nextCut = plan;
    else for (const connection of this.#connections) this.#planFor(connection, plan);
  }

  #planFor(connection: ProxyConnection, { create, direction, mode }: NextCut): void {
    const done = (): void => {
      this.cuts += 1;
    };
    connection.planCut({ direction, stage: create(), mode, done });
  }
}

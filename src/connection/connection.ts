import type { Socket } from "node:net";
import { onAbort } from "../core/abort.ts";
import { Deferred, handled } from "../core/deferred.ts";
import { type Moment, takeMoment } from "../core/moment.ts";
import { Ring } from "../core/ring.ts";
import { inRootContext } from "../core/root-context.ts";
import { Watchdog } from "../core/watchdog.ts";
import { debug, diagnostics } from "../diagnostics.ts";
import { ConnectionError, ProtocolError, ServerError, TidingsError, TimeoutError } from "../errors.ts";
import { Decoder } from "../resp/decoder.ts";
import { type Argument, Encoder } from "../resp/encoder.ts";
import type { Confirmed, Name, Payload, Receiver, Reply } from "../resp/reply.ts";
import { type Progress, socketLost, tooSlow } from "./failures.ts";
import { shakeHands } from "./handshake.ts";
import { OrderProof, type Proof } from "./order-proof.ts";
import { Fence, FencePing, PendingCommand, type PendingReply } from "./pending.ts";
import { noPushes, type PushReceiver, pushTo } from "./pushes.ts";
import { isRefusedLogin } from "./refusals.ts";
import { RoleWatch } from "./role.ts";
import { address, type ConnectionSettings, checkCredentials } from "./settings.ts";
import { openSocket } from "./transport.ts";

/** When a connection is taken for dead; all in milliseconds. */
export interface Timeouts {
  /** Silence after which a PING is sent. */
  readonly maxIdle: number;
  /** How long a reply may take... */
  readonly replyTimeout: number;
  /** ...counted from the command (false), or from the last byte of any kind (true). */
  readonly anyByteCounts: boolean;
}

/** Written at once when a tick has collected this much: the server is at work while the rest is made. */
const FLUSH_AT = 64 * 1024;
/** A PING marks how far the stream was read at most so often; milliseconds. */
const FENCE_INTERVAL = 100;
/** A read of no more bytes may hold nothing but the answer to such a PING, which is no reason to send the next so soon. */
const FENCE_ANSWER = 24;
/** A peer that greets its clients with more replies than this is none of Redis. */
const MOST_STRAYS = 16;

/**
 * One socket, one life. Commands go out in the order they are issued, those of one tick in one write; replies settle
 * them in that order; pushes go to {@link pushes}. It never reconnects: when it is lost it stays lost, tells
 * {@link onClosed} why, and nothing that it received is delivered any more.
 */
export class Connection implements Receiver {
  readonly settings: ConnectionSettings;
  /** 3, or 2 after the handshake fell back. */
  protocol: 2 | 3 = 3;
  /** Where published messages and confirmations go. */
  pushes: PushReceiver = noPushes;
  /** Set when a reply may still be on its way that is not awaited any more: the connection must not serve another. */
  unclean = false;
  /** Whether it ever subscribed to shard channels: servers before 7.0 do not know how to unsubscribe from them. */
  sharded = false;
  /** Asked with each keep-alive, and also where traffic makes that needless. */
  readonly role: RoleWatch;
  /**
   * When the latest command was sent whose answer has been read: all that the server took until then has been read too,
   * wherever it was on its way. The time at which bytes arrive proves nothing of the kind.
   */
  proof: Moment = takeMoment();
  /** Whether a PING goes out every now and then while bytes arrive, to renew {@link proof}. */
  fencing = false;

  readonly #closedListeners: Set<(reason: TidingsError) => void> = new Set();
  readonly #gone: Deferred<void> = new Deferred();
  readonly #opened: Deferred<void> = new Deferred();
  readonly #decoder: Decoder = new Decoder(this);
  readonly #encoder: Encoder = new Encoder();
  readonly #pending: Ring<PendingReply> = new Ring();
  readonly #watchdog: Watchdog;
  #timeouts: Timeouts;
  #socket: Socket | null = null;
  #settled: Deferred<void> | null = null;
  #reason: TidingsError | null = null;
  #login = false;
  #open = false;
  #ready = false;
  /** The error that the server answered last with while the connection was made. */
  #lastWords: ServerError | null = null;
  #arraysArePushes = false;
  #flushing = false;
  #paused = false;
  /** When the commands that are being collected are sent, or a little before. */
  #tick: Moment = this.proof;
  #lastByte: number = performance.now();
  #pings = 0;
  /** The PING among the commands that are being collected. */
  #unsentFence: FencePing | null = null;
  #fencedAt = Number.NEGATIVE_INFINITY;

  private constructor(settings: ConnectionSettings, timeouts: Timeouts) {
    this.settings = settings;
    this.role = new RoleWatch(settings.endpoint);
    this.#timeouts = timeouts;
    this.#watchdog = new Watchdog(
      () => this.#deadline(),
      () => this.#expired(),
    );
  }

  /**
   * Dials and shakes hands within `connectTimeout`. Rejects with why it could not; then nothing is left open. Credentials
   * that rotate may be refused once: they are asked for again.
   */
  static open(settings: ConnectionSettings, timeouts: Timeouts, signal?: AbortSignal): Promise<Connection> {
    return inRootContext(() => Connection.#openInTime(settings, timeouts, signal));
  }

  static async #openInTime(
    settings: ConnectionSettings,
    timeouts: Timeouts,
    signal: AbortSignal | undefined,
  ): Promise<Connection> {
    const since = performance.now();
    try {
      return await Connection.#attempt(settings, timeouts, settings.connectTimeout, signal);
    } catch (error) {
      const left = settings.connectTimeout - (performance.now() - since);
      if (!settings.rotates || !isRefusedLogin(error) || left <= 0 || signal?.aborted) throw error;
      return Connection.#attempt(settings, timeouts, left, signal);
    }
  }

  static async #attempt(
    settings: ConnectionSettings,
    timeouts: Timeouts,
    timeout: number,
    signal: AbortSignal | undefined,
  ): Promise<Connection> {
    const connection = new Connection(settings, timeouts);
    const timer = setTimeout(() => connection.destroy(tooSlow(settings, connection.#progress)), timeout);
    const unwanted = () => connection.destroy(new ConnectionError("The connection is no longer wanted."));
    const abort = signal === undefined ? null : onAbort(signal, unwanted);
    try {
      const lost = new Promise<never>((_resolve, reject) => connection.onClosed(reject));
      await Promise.race([connection.#establish(), lost]);
      connection.#ready = true;
      connection.#watchdog.arm();
      if (debug.enabled) debug(`connected to ${address(settings.endpoint)} (RESP${connection.protocol})`);
      if (diagnostics.connect.hasSubscribers) {
        diagnostics.connect.publish({ endpoint: settings.endpoint, protocol: connection.protocol });
      }
      return connection;
    } catch (error) {
      connection.destroy(error);
      throw connection.#reason ?? error;
    } finally {
      clearTimeout(timer);
      abort?.[Symbol.dispose]();
    }
  }

  /** Why the connection is lost, or `null` while it is open. */
  get reason(): TidingsError | null {
    return this.#reason;
  }

  /** Resolves when the socket itself is closed. */
  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  /** Calls the listener once, when the connection is lost or destroyed; returns a function that takes it back. */
  onClosed(listener: (reason: TidingsError) => void): () => void {
    if (this.#reason !== null) listener(this.#reason);
    else this.#closedListeners.add(listener);
    return () => this.#closedListeners.delete(listener);
  }

  /** The oldest command that waits for its answer. */
  get head(): PendingReply | undefined {
    return this.#pending.peek();
  }

  /** Whether anything but a fence awaits its answer. */
  get busy(): boolean {
    return this.#judged !== undefined;
  }

  /** Takes the oldest waiting command off: it has its answer. */
  answered(): void {
    const answered = this.#pending.shift();
    if (answered !== undefined) this.proof = answered.sentAt;
    if (this.#pending.size > 0) return;
    // With nothing awaited the silence that is allowed may end sooner.
    this.#watchdog.arm();
    this.#settled?.resolve();
  }

  /** Resolves when nothing awaits an answer, or the connection is lost. */
  settled(): Promise<void> {
    this.#settled ??= new Deferred();
    if (this.#pending.size === 0) this.#settled.resolve();
    return this.#settled.promise;
  }

  /** Whether nothing is read. */
  get paused(): boolean {
    return this.#paused;
  }

  /**
   * Reads nothing until {@link resume}: the rest of what has arrived is kept, and TCP holds the server back. Meanwhile
   * silence means nothing, and the end of the connection is not noticed.
   */
  pause(): void {
    if (this.#paused || this.#reason !== null) return;
    this.#paused = true;
    this.#decoder.pause();
    this.#socket?.pause();
  }

  resume(): void {
    if (!this.#paused || this.#reason !== null) return;
    this.#paused = false;
    this.#lastByte = performance.now();
    try {
      this.#decoder.resume();
    } catch (error) {
      this.#broken(error);
    }
    // What was kept may have filled the consumer again.
    if (this.#paused) return;
    this.#socket?.resume();
    this.#watchdog.arm();
  }

  set timeouts(timeouts: Timeouts) {
    this.#timeouts = timeouts;
    this.#watchdog.arm();
  }

  /** To be called once this connection is to subscribe: in RESP2, and with some servers in RESP3, pushes are arrays. */
  expectPushes(): void {
    this.#arraysArePushes = true;
    if (this.protocol === 2) this.#decoder.expectArraysOfMessages();
  }

  /** Sends a command, whose time runs from `since`; the reply's bulk strings are text, or Buffers. */
  command(args: readonly Argument[], wantsText = true, since?: number): Promise<Reply> {
    const pending = new PendingCommand(args[0], wantsText);
    this.#encoder.command(args);
    this.#issued(pending, since);
    return pending.reply;
  }

  /**
   * Sends a command whose arguments are names' keys; `pending` is answered by pushes, or by an error. With a nonce a PING
   * goes behind it, whose answer is for `pending` too.
   */
  subscription(command: string, keys: readonly string[], pending: PendingReply, nonce: string | null = null): void {
    if (command === "SSUBSCRIBE") this.sharded = true;
    this.#encoder.keys(command, keys);
    if (nonce !== null) this.#encoder.command(["PING", nonce]);
    this.#issued(pending);
  }

  /** Sends commands whose confirmations are not counted, then a PING; true when its nonce came back behind them. */
  fence(commands: readonly string[]): Promise<boolean> {
    for (const command of commands) this.#encoder.keys(command, []);
    return this.#ping(false);
  }

  /** Calls the listener when all that the server has sent until now is read; never if the connection is lost before. */
  afterFence(passed: () => void): void {
    if (this.#unsentFence === null) this.#sendFence();
    this.#unsentFence?.onPassed(passed);
  }

  /** Sends a PING with a nonce: true if it came back, else the connection is destroyed. */
  async ping(): Promise<boolean> {
    const passed = await this.#ping(true);
    if (!passed) this.destroy(this.#outOfStep());
    return passed;
  }

  /** Sends a PING with a nonce and checks that replies match their commands. */
  prove(mostStrays: number = MOST_STRAYS): Promise<Proof> {
    const proof = new OrderProof(this.#nonce(), mostStrays);
    this.#encoder.command(["PING", proof.nonce]);
    this.#issued(proof);
    return proof.proof;
  }

  /** Ends the connection and rejects what waits. Any value may be the reason; the first one stays. */
  destroy(reason: unknown): void {
    if (this.#reason !== null) return;
    this.#reason =
      reason instanceof TidingsError ? reason : new ConnectionError(this.#about("failed"), { cause: reason });
    if (debug.enabled) debug(`connection to ${address(this.settings.endpoint)} ended: ${this.#reason.message}`);
    if (this.#ready && diagnostics.disconnect.hasSubscribers) {
      diagnostics.disconnect.publish({ endpoint: this.settings.endpoint, reason: this.#reason });
    }
    this.#decoder.halt();
    this.#watchdog.stop();
    this.pushes = noPushes;
    this.role.demoted = () => {};
    if (this.#socket === null) this.#gone.resolve();
    else this.#socket.destroy();
    const waiting = [...this.#pending];
    this.#pending.clear();
    this.#settled?.resolve();
    for (const pending of waiting) pending.lost(this.#reason);
    for (const listener of this.#closedListeners) listener(this.#reason);
    this.#closedListeners.clear();
  }

  // Calls of the decoder (Receiver).

  get wantsText(): boolean {
    // An array may turn out to be a push, whose names and payloads are bytes.
    return !this.#arraysArePushes && (this.#pending.peek()?.wantsText ?? false);
  }

  message(channel: Name, payload: Payload): void {
    this.pushes.message(channel, payload);
  }

  smessage(channel: Name, payload: Payload): void {
    this.pushes.smessage(channel, payload);
  }

  pmessage(pattern: Name, channel: Name, payload: Payload): void {
    this.pushes.pmessage(pattern, channel, payload);
  }

  confirmation(kind: Confirmed, name: string, count: number): void {
    this.pushes.confirmation(kind, name, count);
  }

  push(items: Reply[]): void {
    pushTo(this.pushes, items);
  }

  reply(value: Reply): void {
    // A connection that subscribes may receive pushes, and the answer to PING, as plain arrays.
    if (this.#arraysArePushes && Array.isArray(value)) {
      if (pushTo(this.pushes, value)) return;
      if (String(value[0]) === "pong" && value.length === 2) {
        this.#answer(String(value[1] ?? "") || "PONG");
        return;
      }
    }
    this.#answer(value);
  }

  // ---

  async #establish(): Promise<void> {
    const { settings } = this;
    const login = checkCredentials(await named(settings));
    if (this.#reason !== null) return;
    this.#login = true;
    this.#socket = openSocket(settings, {
      space: () => this.#space(),
      received: (count) => this.#received(count),
      open: () => {
        this.#open = true;
        this.#opened.resolve();
      },
      gone: (cause) => {
        this.#gone.resolve();
        this.destroy(socketLost(settings.endpoint, cause, this.#ready ? null : this.#progress));
      },
    });
    await this.#opened.promise;
    this.protocol = await shakeHands(this, login);
  }

  /** Where to read to; a frame over the limit ends the connection, and what still comes lands nowhere. */
  #space(): Buffer {
    try {
      return this.#decoder.space();
    } catch (error) {
      this.#broken(error);
      return Buffer.alloc(1);
    }
  }

  #received(count: number): void {
    this.#lastByte = performance.now();
    try {
      this.#decoder.decode(count);
    } catch (error) {
      this.#broken(error);
    }
    if (this.#isFenceDue(count)) this.#sendFence();
  }

  #isFenceDue(count: number): boolean {
    if (!this.fencing || this.#paused || this.#reason !== null) return false;
    const interval = count > FENCE_ANSWER ? FENCE_INTERVAL : this.#timeouts.maxIdle;
    return this.#lastByte - this.#fencedAt >= interval;
  }

  #sendFence(): void {
    const fence = new FencePing();
    this.#encoder.command(["PING"]);
    this.#issued(fence);
    this.#unsentFence = fence;
    this.#fencedAt = fence.sentAt.monotonic;
  }

  /** The decoder, which knows no socket, cannot go on. */
  #broken(error: unknown): void {
    const server = address(this.settings.endpoint);
    this.destroy(error instanceof ProtocolError ? new ProtocolError(`${server}: ${error.message}`) : error);
  }

  #answer(value: Reply): void {
    const pending = this.#pending.peek();
    if (!this.#ready) this.#overhear(pending, value);
    else if (pending === undefined) this.destroy(new ProtocolError("A reply came that nothing had asked for."));
    if (pending?.settle(value)) this.answered();
  }

  /** What a server says before it hangs up, or before it was asked anything, is why there is no connection. */
  #overhear(pending: PendingReply | undefined, value: Reply): void {
    const tolerated = pending instanceof PendingCommand && pending.command === "CLIENT";
    this.#lastWords = value instanceof ServerError && !tolerated ? value : null;
  }

  /** The keep-alive: whatever answers a PING is alive. */
  async #keepAlive(): Promise<void> {
    const { unmatched } = await this.prove(1);
    if (unmatched.length > 0) this.destroy(this.#outOfStep());
  }

  #nonce(): string {
    return `tidings-${++this.#pings}`;
  }

  #ping(strict: boolean): Promise<boolean> {
    const fence = new Fence(this.#nonce(), strict);
    this.#encoder.command(["PING", fence.nonce]);
    this.#issued(fence);
    return fence.passed;
  }

  #issued(pending: PendingReply, since?: number): void {
    if (this.#reason !== null) {
      this.#encoder.take();
      pending.lost(this.#reason);
      return;
    }
    if (!this.#flushing) {
      this.#flushing = true;
      this.#tick = takeMoment();
      process.nextTick(() => this.#flush());
    }
    pending.sentAt = this.#tick;
    pending.since = since ?? this.#tick.monotonic;
    this.#pending.push(pending);
    if (this.#pending.size === 1 || this.#pending.peek() instanceof FencePing) this.#watchdog.arm();
    if (this.#encoder.length > FLUSH_AT) this.#write();
  }

  #flush(): void {
    this.#flushing = false;
    this.#write();
  }

  #write(): void {
    this.#unsentFence = null;
    const socket = this.#socket;
    if (socket === null || this.#reason !== null || this.#encoder.length === 0) return;
    const chunks = this.#encoder.take();
    // Bytes over TLS: Deno sends a "latin1" text as UTF-8 where the socket is corked or has to wait.
    const asBytes = this.settings.tls !== null;
    if (chunks.length > 1) socket.cork();
    for (const chunk of chunks)
      socket.write(asBytes && typeof chunk === "string" ? Buffer.from(chunk, "latin1") : chunk, "latin1");
    if (chunks.length > 1) socket.uncork();
  }

  #deadline(): number | null {
    if (this.#reason !== null || !this.#ready || this.#paused) return null;
    const { maxIdle, replyTimeout, anyByteCounts } = this.#timeouts;
    const head = this.#judged;
    if (head === undefined) {
      return Math.min(this.#lastByte + maxIdle, this.#mayAsk ? this.role.due(maxIdle) : Number.POSITIVE_INFINITY);
    }
    return (anyByteCounts ? Math.max(this.#lastByte, head.since) : head.since) + replyTimeout;
  }

  /** The oldest command whose answer must come in time. A fence is no such command: it is silence that asks for a proof. */
  get #judged(): PendingReply | undefined {
    const head = this.#pending.peek();
    if (!(head instanceof FencePing)) return head;
    for (const pending of this.#pending) if (!(pending instanceof FencePing)) return pending;
    return undefined;
  }

  #expired(): void {
    const late = this.#judged;
    if (late === undefined) {
      if (this.#mayAsk) void this.role.ask(this);
      void handled(this.#keepAlive());
      return;
    }
    const silence = this.#about(`gave no answer for ${this.#timeouts.replyTimeout} ms`);
    // Fences before it need no call.
    while (this.#pending.peek() !== late) this.#pending.shift();
    this.#pending.shift();
    late.lost(
      new TimeoutError(`${silence} The connection was closed; the server may or may not have run the command.`),
    );
    this.destroy(new ConnectionError(silence));
  }

  /** In RESP2 a connection that subscribes may ask for nothing. */
  get #mayAsk(): boolean {
    return this.protocol === 3 || !this.#arraysArePushes;
  }

  #outOfStep(): ProtocolError {
    return new ProtocolError(
      `${address(this.settings.endpoint)} answered a PING with something else. The replies are out of step.`,
    );
  }

  /** How far the handshake has come. */
  get #progress(): Progress {
    const head = this.#pending.peek();
    const asked = head instanceof PendingCommand ? head.command : "PING";
    return { login: this.#login, open: this.#open, lastWords: this.#lastWords, asked };
  }

  #about(what: string): string {
    return `The connection to ${address(this.settings.endpoint)} ${what}.`;
  }
}

/** Asks for the credentials; an error of the user's function is reported as such. */
async function named({ credentials, endpoint }: ConnectionSettings): Promise<unknown> {
  try {
    return await credentials();
  } catch (cause) {
    const server = address(endpoint);
    throw new ConnectionError(`The credentials function failed for ${server}; its error is the cause.`, { cause });
  }
}

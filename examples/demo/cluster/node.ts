import { mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { type Argument, constantDelay, Redis, type Reply } from "tidings";
import { type ServerProcess, startServerProcess } from "../server-process.ts";
import { need } from "../wait.ts";
import { type Member, readMembers } from "./view.ts";

/** Milliseconds after which silent nodes are held for dead. Less would be risky on a busy machine. */
const NODE_TIMEOUT = 2000;

/** A server of the cluster. It can be killed, and started again as what it was: its directory knows. */
export class ClusterNode {
  readonly number: number;
  readonly port: number;
  /** Its id in the cluster; known from its first start. */
  id = "";
  readonly #program: string;
  readonly #directory: string;
  /** For commands to this very node; connects again by itself. */
  readonly #client: Redis;
  #process: ServerProcess | null = null;

  private constructor(number: number, port: number, program: string, directory: string) {
    this.number = number;
    this.port = port;
    this.#program = program;
    this.#directory = directory;
    const retryPolicy = constantDelay({ delay: 100 });
    this.#client = new Redis({ host: "127.0.0.1", port, commandTimeout: 30_000, retryPolicy });
  }

  /** Starts a node of its own, which knows nobody yet. */
  static async create(number: number, program: string, directory: string): Promise<ClusterNode> {
    const own = join(directory, `node-${number}`);
    mkdirSync(own);
    // Somebody else may take the free ports before the server does.
    for (let attempt = 1; attempt <= 5; attempt++) {
      const node = new ClusterNode(number, await freeNodePort(), program, own);
      if (await node.start()) return node;
      await node.stop();
    }
    throw new Error(`Node ${number} could not be started.`);
  }

  get alive(): boolean {
    return this.#process !== null;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  toString(): string {
    return `node ${this.number} (port ${this.port})`;
  }

  /** Gives whether it runs. */
  async start(): Promise<boolean> {
    const started = await startServerProcess(this.#program, {
      port: this.port,
      dir: this.#directory,
      "cluster-enabled": "yes",
      "cluster-announce-ip": "127.0.0.1",
      "cluster-node-timeout": NODE_TIMEOUT,
      // A replica may always take over, and stays with its shard.
      "cluster-replica-validity-factor": 0,
      "cluster-allow-replica-migration": "no",
      "repl-diskless-sync-delay": 0,
    });
    if (typeof started === "string") return false;
    this.#process = started;
    this.id = String(await this.ask("CLUSTER", "MYID"));
    return true;
  }

  ask(command: string, ...args: Argument[]): Promise<Reply> {
    return this.#client.call(command, ...args);
  }

  /** The cluster as this node sees it. */
  async members(): Promise<Member[]> {
    return readMembers(String(await this.ask("CLUSTER", "NODES")));
  }

  async meet(others: readonly ClusterNode[]): Promise<void> {
    for (const { port } of others) await this.ask("CLUSTER", "MEET", "127.0.0.1", port);
  }

  async becomeReplicaOf(primary: ClusterNode): Promise<void> {
    // It may not have heard of its primary yet.
    await need(`${this} knows ${primary}`, async () => (await this.members()).some(({ id }) => id === primary.id));
    await this.ask("CLUSTER", "REPLICATE", primary.id);
  }

  /** Until a replica has all that its primary has. */
  async synchronized(): Promise<void> {
    await need(`${this} in step with its primary`, async () =>
      String(await this.ask("INFO", "replication")).includes("master_link_status:up"),
    );
  }

  /** As if the machine had lost its power. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async stop(): Promise<void> {
    await Promise.all([this.#client.close(), this.#end("SIGTERM")]);
  }

  async #end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const process = this.#process;
    this.#process = null;
    await process?.end(signal);
  }
}

/** A port that is free, and so is that of the cluster bus, 10,000 higher. Below those that the system gives out itself. */
async function freeNodePort(): Promise<number> {
  for (;;) {
    const port = 12_000 + Math.floor(Math.random() * 10_000);
    if ((await isFree(port)) && (await isFree(port + 10_000))) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

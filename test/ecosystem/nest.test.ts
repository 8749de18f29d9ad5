import "reflect-metadata";
import { ClientRedis, type RedisOptions, ServerRedis } from "@nestjs/microservices";
import { firstValueFrom, throwError, toArray } from "rxjs";
import { Redis } from "tidings";
import { asIoredis } from "tidings/compat";
import { expect, test } from "vitest";
import { startServer } from "../support/redis-server.ts";
import { eventually } from "./fixtures.ts";

type Options = Required<RedisOptions>["options"];

class TidingsClient extends ClientRedis {
  readonly #client: Redis;

  constructor(client: Redis, options: Options = {}) {
    super(options);
    this.#client = client;
  }

  override async createClient() {
    return asIoredis<Awaited<ReturnType<ClientRedis["createClient"]>>>(this.#client, { lazyConnect: true });
  }
}

class TidingsServer extends ServerRedis {
  readonly #client: Redis;

  constructor(client: Redis, options: Options = {}) {
    super(options);
    this.#client = client;
  }

  override async createRedisClient() {
    return asIoredis<Awaited<ReturnType<ServerRedis["createRedisClient"]>>>(this.#client, { lazyConnect: true });
  }
}

const listening = (server: TidingsServer): Promise<void> =>
  new Promise((resolve, reject) => {
    void server.listen((error?: unknown) => (error === undefined ? resolve() : reject(error)));
  });

test("Nest's Redis transport: requests, streams of answers, events", async () => {
  await using redis = await startServer();
  await using client = new Redis(`redis://127.0.0.1:${redis.port}`);
  const server = new TidingsServer(client);
  const events: unknown[] = [];
  server.addHandler("sum", async (numbers: number[]) => numbers.reduce((sum, one) => sum + one, 0));
  server.addHandler("fails", async () => throwError(() => ({ message: "no" })));
  server.addHandler("happened", async (event: unknown) => void events.push(event), true);
  await listening(server);

  const nest = new TidingsClient(client);
  await nest.connect();
  expect(await firstValueFrom(nest.send("sum", [1, 2, 3]))).toBe(6);
  const answers = await Promise.all([1, 2, 3].map((one) => firstValueFrom(nest.send("sum", [one, one]))));
  expect(answers).toEqual([2, 4, 6]);
  expect(await firstValueFrom(nest.send("sum", [7]).pipe(toArray()))).toEqual([7]);
  await expect(firstValueFrom(nest.send("fails", {}))).rejects.toEqual({ message: "no" });
  await firstValueFrom(nest.emit("happened", { at: "noon" }), { defaultValue: undefined });
  await eventually(() => expect(events).toEqual([{ at: "noon" }]));
  await nest.close();
  await server.close();
});

test("Nest's Redis transport answers again after its connections were cut", async () => {
  await using redis = await startServer();
  await using client = new Redis(`redis://127.0.0.1:${redis.port}`);
  const server = new TidingsServer(client);
  server.addHandler("sum", async (numbers: number[]) => numbers.reduce((sum, one) => sum + one, 0));
  await listening(server);
  const nest = new TidingsClient(client);
  await nest.connect();
  expect(await firstValueFrom(nest.send("sum", [1]))).toBe(1);
  const states: string[] = [];
  nest.status.subscribe((status) => states.push(status));
  await redis.control.command("CLIENT", "KILL", "TYPE", "pubsub");
  await eventually(() => expect(states).toContain("reconnecting"));
  await eventually(() => expect(states.at(-1)).toBe("connected"));
  await eventually(async () => expect((await client.pubsubNumsub("sum")).get("sum")).toBe(1));
  expect(await firstValueFrom(nest.send("sum", [1, 1]))).toBe(2);
  await nest.close();
  await server.close();
});

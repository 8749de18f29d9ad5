// Compiled by `npm run check`, never run: wrong calls do not compile, and `undefined` is no wrong option.

import { exponentialBackoff, json, PubSub, Redis, type RedisOptions } from "tidings";

declare const client: Redis;
declare const consumer: PubSub;

export async function wrongOptions(): Promise<void> {
  // @ts-expect-error unknown option
  new Redis({ hostname: "localhost" });
  // @ts-expect-error unknown option
  new Redis("redis://localhost", { retries: 3 });
  // @ts-expect-error a number, not text
  new Redis({ port: "6379" });
  // @ts-expect-error 2 or 3
  new Redis({ protocol: 1 });
  // @ts-expect-error "utf8" or "bytes"
  new Redis({ names: "buffer" });
  // @ts-expect-error a codec, not its maker
  new Redis({ codec: json });
  // @ts-expect-error unknown option of the pool
  new Redis({ pool: { max: 3 } });
  // @ts-expect-error a policy, not a number
  new Redis({ retryPolicy: 3 });
  // @ts-expect-error unknown option
  exponentialBackoff({ maximum: 3 });

  // @ts-expect-error unknown option
  await client.pubsub({ channel: "a" });
  // @ts-expect-error names are text or bytes
  await client.pubsub({ channels: [1] });
  // @ts-expect-error a boolean
  await client.pubsub({ ignoreSubscribeMessages: "yes" });
  // @ts-expect-error milliseconds
  await client.pubsub({ subscriptionTimeout: "1s" });
  // @ts-expect-error handlers are functions
  await client.pubsub({ channelHandlers: { a: "log" } });
  // @ts-expect-error unknown option
  new PubSub(client, { chanels: "a" });
  // @ts-expect-error a consumer is of a client
  new PubSub({});
}

export async function wrongCalls(): Promise<void> {
  // @ts-expect-error nothing to subscribe
  await consumer.subscribe();
  // @ts-expect-error a number is no name
  await consumer.subscribe(1);
  // @ts-expect-error unknown option
  await consumer.subscribe(["a"], { wait: 1 });
  // @ts-expect-error a number is no name
  await consumer.unsubscribe(1);
  // @ts-expect-error unknown option
  await consumer.getMessage({ block: true });
  // @ts-expect-error receive never gives confirmations, so there is nothing to ignore
  await consumer.receive({ ignoreSubscribeMessages: true });
  // @ts-expect-error "closed" is the only one
  consumer.messages({ until: "empty" });
  // @ts-expect-error milliseconds in an object
  await consumer.drain(1000);
  // @ts-expect-error shown, not changed
  consumer.channels.set("a", null);
  // @ts-expect-error shown, not changed
  consumer.state = "live";
  // @ts-expect-error nothing to publish
  await client.publish("a");
  // @ts-expect-error arguments are text, numbers or bytes
  await client.call("SET", "a", { b: 1 });
}

/** A value that may be missing can be passed on as it is, under exactOptionalPropertyTypes too. */
export async function undefinedIsNoMistake(
  timeout: number | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  const options: RedisOptions = {
    host: undefined,
    port: undefined,
    path: undefined,
    db: undefined,
    username: undefined,
    password: process.env.PASSWORD,
    credentials: undefined,
    tls: undefined,
    clientName: undefined,
    protocol: undefined,
    connectTimeout: timeout,
    commandTimeout: timeout,
    retryPolicy: undefined,
    pool: { keep: undefined, idleTimeout: timeout },
    codec: undefined,
    names: undefined,
    lookup: undefined,
    signal,
  };
  new Redis(options);
  new Redis(process.env.REDIS_URL ?? "redis://localhost", options);
  await client.pubsub({
    channels: undefined,
    patterns: undefined,
    channelHandlers: undefined,
    patternHandlers: undefined,
    ignoreSubscribeMessages: undefined,
    subscriptionTimeout: timeout,
    unsubscriptionTimeout: timeout,
    maxIdle: timeout,
    pingTimeout: timeout,
    retryPolicy: undefined,
    codec: undefined,
    names: undefined,
    signal,
  });
  exponentialBackoff({ base: timeout, max: timeout, jitter: undefined, attempts: timeout });
  await consumer.subscribe(["a"], { timeout, signal });
  await consumer.getMessage({ timeout, signal, ignoreSubscribeMessages: undefined });
  await consumer.receive({ timeout, signal });
  consumer.messages({ signal, closeOnReturn: undefined, until: undefined });
  await consumer.drain({ timeout });
}

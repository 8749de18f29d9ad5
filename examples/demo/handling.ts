import { setTimeout as delay } from "node:timers/promises";
import { type ChannelMessage, HandlerError, type PatternMessage } from "tidings";
import { show, step } from "./print.ts";
import type { Stage } from "./stage.ts";

/** Handlers: sync, async, and one that throws. They run whether or not the consumer is read. */
export async function handling(stage: Stage): Promise<void> {
  const { name, short } = stage;
  await using client = stage.client();

  const log = (message: ChannelMessage | PatternMessage): void => show(`${short(message.channel)}: ${message.data}`);
  const slowly = async (message: ChannelMessage): Promise<void> => {
    await delay(200);
    show(`${short(message.channel)}: ${message.data}, after 200 ms of work`);
  };

  await using consumer = await client.pubsub({
    channelHandlers: { [name("jobs")]: slowly },
    patternHandlers: { [name("sensor.*")]: log },
  });
  consumer.on("error", (error) => {
    const why = error instanceof HandlerError && error.cause instanceof Error ? error.cause.message : error.message;
    show(`error event: ${error.name}: ${why}`);
  });

  await step("jobs has an async handler: job 2 waits for job 1, while sensor.* goes on");
  await client.publish(name("jobs"), "job 1");
  await client.publish(name("jobs"), "job 2");
  await client.publish(name("sensor.door"), "open");
  await client.publish(name("sensor.window"), "closed");
  await delay(500);

  await step("A handler that throws disturbs no other message; you hear of it as an error event");
  await consumer.subscribe(name("orders"), (message) => {
    if (message.data === "broken") throw new Error("cannot read this order");
    log(message);
  });
  for (const order of ["order 1", "broken", "order 2"]) await client.publish(name("orders"), order);

  await step("drain() unsubscribes, lets handlers finish what has arrived, and closes");
  await client.publish(name("jobs"), "job 3");
  await consumer.drain();
  show(`the consumer is ${consumer.state}`);
}

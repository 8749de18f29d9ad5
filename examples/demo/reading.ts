import { TimeoutError } from "tidings";
import { show, step } from "./print.ts";
import type { Stage } from "./stage.ts";

/** Channels and patterns, and the ways to read: the iterator, `receive`, `getMessage`. */
export async function reading(stage: Stage): Promise<void> {
  const { name, short } = stage;
  await using client = stage.client();

  await step("Subscribing to the channels news and weather, and to the pattern sport.*");
  await using consumer = await client.pubsub({
    channels: [name("news"), name("weather")],
    patterns: [name("sport.*")],
  });
  show(`confirmed by the server: ${[...consumer.channels.keys(), ...consumer.patterns.keys()].map(short).join(", ")}`);

  await step("Publishing to news, weather and sport.golf");
  await client.publish(name("news"), "tidings is here");
  await client.publish(name("weather"), "sunny");
  await client.publish(name("sport.golf"), "hole in one");

  await step("Reading with for await: confirmations and messages, in the order in which they came");
  let left = 3;
  for await (const message of consumer) {
    const via = message.type === "pmessage" ? ` (by the pattern ${short(message.pattern)})` : "";
    show(`${message.type} ${short(message.channel)}: ${message.data}${via}`);
    if (message.type === "message" || message.type === "pmessage") left -= 1;
    if (left === 0) break;
  }

  await step("receive() waits for the next published message, and no longer than you allow");
  await client.publish(name("news"), "read by receive");
  show((await consumer.receive({ timeout: 1000 })).data);
  try {
    await consumer.receive({ timeout: 50 });
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
    show(`${error.name}: ${error.message}`);
  }

  await step("getMessage() gives null instead; with timeout 0 it asks what is there now");
  await client.publish(name("sport.chess"), "read by getMessage");
  show(`${(await consumer.getMessage({ timeout: 1000 }))?.data}`);
  show(`${await consumer.getMessage({ timeout: 0 })}`);

  await step("Unsubscribing from everything: the iterator ends by itself, because nothing is left");
  await Promise.all([consumer.unsubscribe(), consumer.punsubscribe()]);
  for await (const message of consumer) show(`${message.type} ${short(message.channel)}`);
  show("the loop has ended; the connection goes back to the client's pool");
}

// A shared consumer that reads at once, with or without one beside it that never reads: how late its messages are.

import { tidingsModule } from "../build.mjs";
import { quantile } from "../common/figures.mjs";
import { config, fail, on, tell } from "../parent.mjs";

const { Redis } = await import(tidingsModule());

/** @type {{ port: number, slow: boolean, messages: number, warmUp: number }} */
const { port, slow, messages, warmUp } = config;
const late = new Float64Array(messages);

async function read(consumer) {
  let taken = -warmUp;
  for await (const { data } of consumer.messages()) {
    const now = process.hrtime.bigint();
    if (taken >= 0) {
      late[taken] = (Number(now) - Number.parseInt(data, 10)) / 1000;
    }
    taken += 1;
    if (taken === messages) {
      break;
    }
  }
}

try {
  const client = new Redis(`redis://127.0.0.1:${port}`);
  const given = { shared: true, ignoreSubscribeMessages: true, channels: "news" };
  const idle = slow ? await client.pubsub({ ...given, buffer: { limit: 1000 } }) : null;
  const reading = read(await client.pubsub(given));
  on("report", async () => {
    try {
      await reading;
      const figures = { median: quantile(late, 0.5), p99: quantile(late, 0.99), dropped: idle?.stats().dropped ?? 0 };
      tell({ type: "measured", figures });
    } catch (error) {
      fail(error);
    }
  });
  tell({ type: "ready" });
} catch (error) {
  fail(error);
}

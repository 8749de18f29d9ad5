// What the library must do on every runtime; run by scripts/test-runtimes.mjs with the addresses of a server.
// Prints `ok …` or `FAIL …` for each point. The process must end by itself.

import { Redis } from "tidings";
import { startServer } from "tidings/testing";

const [url, tlsUrl, ca] = process.argv.slice(2);
const text = "é日🎉 ".repeat(2000);
const READ = { timeout: 10_000 };

/** Node 20 cannot parse `await using`. */
async function check(title, run, address = url, options = {}) {
  const client = new Redis(address, options);
  try {
    await run(client);
    console.log(`ok ${title}`);
  } catch (error) {
    console.log(`FAIL ${title}: ${error?.message ?? error}`);
  } finally {
    await client.close();
  }
}

function equal(given, wanted) {
  if (given !== wanted) {
    throw new Error(`${String(given).slice(0, 60)} instead of ${String(wanted).slice(0, 60)}`);
  }
}

await check("what is published is received, in its order", async (client) => {
  const consumer = await client.pubsub({ channels: "a", ignoreSubscribeMessages: true });
  const handled = [];
  await client.subscribe("a", ({ data }) => handled.push(data));
  for (const data of ["plain", text, "last"]) await client.publish("a", data);
  for (const data of ["plain", text, "last"]) equal((await consumer.receive(READ)).data, data);
  // They come over a connection of their own.
  const late = Date.now() + READ.timeout;
  while (handled.length < 3 && Date.now() < late) await new Promise((resolve) => setTimeout(resolve, 10));
  equal(handled.length, 3);
});

await check("a killed connection is a gap, and the subscription lives", async (client) => {
  const consumer = await client.pubsub({ channels: "a", includeGaps: true, ignoreSubscribeMessages: true });
  await client.call("CLIENT", "KILL", "TYPE", "pubsub");
  const gap = await consumer.receive(READ);
  equal(gap.type, "gap");
  equal(gap.to >= gap.from, true);
  await client.publish("a", "again");
  equal((await consumer.receive(READ)).data, "again");
});

await check("a blocked event loop is no dead link", async (client) => {
  const consumer = await client.pubsub({
    channels: "a",
    ignoreSubscribeMessages: true,
    maxIdle: 150,
    pingTimeout: 150,
  });
  const states = [];
  consumer.on("state", (state) => states.push(state));
  for (let round = 0; round < 3; round++) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    const end = performance.now() + 600;
    while (performance.now() < end);
  }
  await client.publish("a", "alive");
  equal((await consumer.receive(READ)).data, "alive");
  equal(states.join(), "");
});

async function severalTexts(client) {
  const consumer = await client.pubsub({ channels: "é日", ignoreSubscribeMessages: true });
  // So much is written in several pieces, and large bytes go beside the text.
  const many = Array.from({ length: 50 }, (_, i) => `${text}${i}`);
  const sent = [...many, "é", Buffer.from(many[0]), "日本", `${text}!`, Buffer.from(many[1]), "plain"];
  await Promise.all(sent.map((data) => client.publish("é日", data)));
  for (const data of sent) equal((await consumer.receive(READ)).data, String(data));
}

await check("TCP carries several texts of one moment as they are", severalTexts);
await check("TLS carries several texts of one moment as they are", severalTexts, tlsUrl, { tls: { ca } });

const testing = await startServer();
await check(
  "the server of tidings/testing publishes, cuts, and knows what it received",
  async (client) => {
    const consumer = await client.pubsub({ channels: "a", includeGaps: true, ignoreSubscribeMessages: true });
    testing.publish("a", text);
    equal((await consumer.receive(READ)).data, text);
    testing.disconnect();
    equal((await consumer.receive(READ)).type, "gap");
    await client.publish("a", "again");
    equal((await consumer.receive(READ)).data, "again");
    equal(testing.received.at(-1).join(), "PUBLISH,a,again");
  },
  testing.url,
);
await testing.close();

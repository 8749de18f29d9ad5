// The fake server of the tests, for a subscriber to connect to; then it plays recorded frames. A process of its own.

import { oneNode } from "../test/support/fake-cluster.ts";
import { startFakeServer } from "../test/support/fake-server.ts";
import { array, bulk, error, integer } from "../test/support/resp-writer.ts";
import { receivedReel } from "./frames.mjs";
import { config, fail, on, tell } from "./parent.mjs";
import { pump } from "./pump.mjs";

const INFO = "# Server\r\nredis_version:7.4.0\r\nredis_mode:standalone\r\nloading:0\r\nrole:master\r\n";

/** @type {import("./scenarios.mjs").Scenario} */
const scenario = config.scenario;
/** Some clients know RESP2 only; the same messages in it are of the same length. */
const reels = Object.fromEntries([2, 3].map((protocol) => [protocol, receivedReel({ ...scenario, protocol })]));

const server = await startFakeServer({
  handlers: {
    HELLO: (command, connection) => {
      if (Number(command.args[0] ?? 2) > scenario.protocol) {
        connection.write(error("NOPROTO unsupported protocol version"));
      } else {
        server.respond(command, connection);
      }
    },
    INFO: (_, connection) => connection.write(bulk(INFO)),
    ROLE: (_, connection) => connection.write(array([bulk("master"), integer(0), array([])])),
    // A cluster of one, for clients that have shard channels in clusters only.
    CLUSTER: oneNode(() => server.port),
  },
});

on("play", ({ times }) => {
  const subscribers = server.connections.filter(({ subscribed }) => subscribed > 0);
  if (subscribers.length !== 1) {
    fail(`expected one subscribed connection, have ${subscribers.length}`);
  }
  for (const connection of subscribers) {
    const { closed, protocol } = connection;
    const write = (bytes, written) => connection.write(bytes, written);
    pump({ write, closed }, reels[protocol], times, scenario.burst).catch(fail);
  }
});

tell({ type: "ready", port: server.port });

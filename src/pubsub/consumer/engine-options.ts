import { latin1 } from "../../names.ts";
import type { EngineOptions } from "../subscriptions/engine.ts";
import type { AnyPubSubOptions } from "./options.ts";
import type { ConsumerSource } from "./source.ts";

/** How a consumer's connections behave. */
export function engineOptions(
  source: ConsumerSource,
  given: AnyPubSubOptions,
  channels: "channel" | "shard",
): EngineOptions {
  const client = source.defaults;
  const pingTimeout = given.pingTimeout ?? client.pingTimeout;
  const command = channels === "shard" ? "SPUBLISH" : "PUBLISH";
  return {
    readyTimeout: given.readyTimeout ?? client.readyTimeout,
    retryPolicy: given.retryPolicy ?? client.retryPolicy,
    restoreTimeout: given.subscriptionTimeout ?? client.subscriptionTimeout,
    timeouts: { maxIdle: given.maxIdle ?? client.maxIdle, replyTimeout: pingTimeout, anyByteCounts: true },
    audit: given.audit || null,
    probe: given.probe
      ? {
          ...given.probe,
          timeout: pingTimeout,
          command,
          publish: (channel, payload, except) => source.probe(command, channel, payload, except),
        }
      : null,
    probeKey: given.probe && channels === "channel" ? latin1(given.probe.channel) : null,
  };
}

// What tidings tells through `node:diagnostics_channel`, as OpenTelemetry metrics. The meter is an argument: pass
// `metrics.getMeter("tidings")` of @opentelemetry/api, which fits the interfaces below, so nothing is installed for this.
// Run by itself it prints what a meter would be given.

import { subscribe } from "node:diagnostics_channel";
import { type DiagnosticName, type Gap, Redis, type State } from "tidings";

/** As much of OpenTelemetry's `Counter` as is needed. */
interface Counter {
  add(value: number, attributes?: Record<string, string>): void;
}

/** As much of OpenTelemetry's `Meter` as is needed. */
interface Meter {
  createCounter(name: string, options?: { description?: string; unit?: string }): Counter;
  createUpDownCounter(name: string, options?: { description?: string; unit?: string }): Counter;
}

/** Feeds a meter from now on, with what all consumers of the process see. */
export function observe(meter: Meter): void {
  const messages = meter.createCounter("tidings.messages", { description: "Messages received" });
  const bytes = meter.createCounter("tidings.payload", { description: "Bytes of payloads received", unit: "By" });
  const refused = meter.createCounter("tidings.refused", { description: "Payloads that a codec refused" });
  const gaps = meter.createCounter("tidings.gaps", { description: "Gaps told, by cause" });
  const dropped = meter.createCounter("tidings.dropped", { description: "Messages known to be lost, by cause" });
  const states = meter.createUpDownCounter("tidings.consumers", { description: "Consumers, by state" });
  const connects = meter.createCounter("tidings.connects", { description: "Connections made" });
  const disconnects = meter.createCounter("tidings.disconnects", {
    description: "Connections that ended, by error code",
  });
  const pauses = meter.createCounter("tidings.pauses", { description: "How often reading stopped" });

  on<{ bytes: number }>("tidings:message", (message) => {
    messages.add(1);
    bytes.add(message.bytes);
  });
  on("tidings:refused", () => refused.add(1));
  on<{ gap: Gap }>("tidings:gap", ({ gap }) => {
    gaps.add(1, { cause: gap.cause });
    if (gap.dropped !== null) dropped.add(gap.dropped, { cause: gap.cause });
  });
  on<{ state: State; previous: State }>("tidings:state", ({ state, previous }) => {
    // A consumer that was never live was not counted yet.
    if (previous !== "connecting") states.add(-1, { state: previous });
    if (state !== "closed") states.add(1, { state });
  });
  on("tidings:connect", () => connects.add(1));
  on<{ reason: { code?: string } }>("tidings:disconnect", ({ reason }) => {
    disconnects.add(1, { code: reason.code ?? "UNKNOWN" });
  });
  on("tidings:pause", () => pauses.add(1));
}

function on<Message>(name: DiagnosticName, listener: (message: Message) => void): void {
  subscribe(name, (message) => listener(message as Message));
}

/** A meter that prints: what a real one would export. */
const printing: Meter = {
  createCounter: (name) => ({ add: (value, attributes) => console.log(name, value, attributes ?? {}) }),
  createUpDownCounter: (name) => ({ add: (value, attributes) => console.log(name, value, attributes ?? {}) }),
};

if (import.meta.filename === process.argv[1]) {
  observe(printing);
  await using client = new Redis(process.env.REDIS_URL ?? "redis://localhost:6379");
  await using consumer = await client.pubsub({ channels: "news", ignoreSubscribeMessages: true });
  await client.publish("news", "hello");
  await consumer.receive({ timeout: 5000 });
}

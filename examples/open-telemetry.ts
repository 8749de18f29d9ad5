// OpenTelemetry: traces that go from the publisher to the subscriber, and metrics of what to watch (docs/operate).
//
// Import `traced` and `observe` into a program whose SDK exports to a collector; pass the tracer and the meter of
// @opentelemetry/api. Run by itself it prints the spans and the counts that a collector would be given.

import { subscribe } from "node:diagnostics_channel";
import { setImmediate } from "node:timers/promises";
import { type Context, context, type Meter, propagation, SpanKind, type Tracer } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import {
  type ClientStats,
  type Codec,
  type DiagnosticName,
  type Gap,
  type PublishedMessage,
  Redis,
  type State,
} from "tidings";

/** What travels in a payload: a Pub/Sub message has no headers, so the context of the trace stands beside the data. */
interface Envelope<Data> {
  readonly trace: Readonly<Record<string, string>>;
  readonly data: Data;
}

/** What `data` is with {@link tracedJson}. */
export interface Traced<Data> {
  readonly data: Data;
  /** The context in which it was published. */
  readonly context: Context;
}

/** JSON with the active context of the publisher. Publishers and subscribers must both use it. */
export function tracedJson<Data>(): Codec<Traced<Data>, Data> {
  return {
    encode(data) {
      const carrier: Record<string, string> = {};
      propagation.inject(context.active(), carrier);
      return JSON.stringify({ trace: carrier, data } satisfies Envelope<Data>);
    },
    decode(payload) {
      const { trace: carrier, data } = JSON.parse(payload.toString()) as Envelope<Data>;
      return { data, context: propagation.extract(context.active(), carrier) };
    },
  };
}

/** Publishes in a span; the codec takes its context along. */
export function publishTraced<Data>(
  tracer: Tracer,
  client: { publish(channel: string, data: Data): Promise<number> },
  channel: string,
  data: Data,
): Promise<number> {
  const options = { kind: SpanKind.PRODUCER, attributes: messaging(channel) };
  return tracer.startActiveSpan(`publish ${channel}`, options, async (span) => {
    try {
      const receivers = await client.publish(channel, data);
      span.setAttribute("messaging.redis.receivers", receivers);
      return receivers;
    } catch (error) {
      span.recordException(error as Error);
      throw error;
    } finally {
      span.end();
    }
  });
}

/** A handler that runs in a span whose parent is the publisher's. */
export function traced<Data>(
  tracer: Tracer,
  handler: (message: PublishedMessage<Traced<Data>>) => unknown,
): (message: PublishedMessage<Traced<Data>>) => Promise<void> {
  return (message) => {
    const { channel, pattern, data } = message;
    const attributes = { ...messaging(channel), ...(pattern === null ? {} : { "messaging.redis.pattern": pattern }) };
    const options = { kind: SpanKind.CONSUMER, attributes };
    return tracer.startActiveSpan(`process ${channel}`, options, data.context, async (span) => {
      try {
        await handler(message);
      } catch (error) {
        span.recordException(error as Error);
        throw error; // becomes the consumer's `error`, in a HandlerError
      } finally {
        span.end();
      }
    });
  };
}

function messaging(channel: string): Record<string, string> {
  return { "messaging.system": "redis", "messaging.destination.name": channel };
}

/**
 * Feeds a meter. Counters that `stats()` of a client has are read when the meter is; what stats does not tell (causes,
 * windows, reasons) is heard from the diagnostics channels, of all consumers of the process.
 */
export function observe(meter: Meter, client: { stats(): ClientStats }): void {
  const counted = ["received", "delivered", "dropped", "refused", "reconnects"] as const;
  for (const name of counted) {
    meter.createObservableCounter(`tidings.${name}`).addCallback((result) => result.observe(client.stats()[name]));
  }
  meter.createObservableGauge("tidings.pending").addCallback((result) => result.observe(client.stats().pending));

  const gaps = meter.createCounter("tidings.gaps", { description: "Gaps, by cause" });
  const windows = meter.createHistogram("tidings.gap.duration", { description: "Windows of gaps", unit: "ms" });
  const consumers = meter.createUpDownCounter("tidings.consumers", { description: "Consumers, by state" });
  const pauses = meter.createCounter("tidings.pauses", { description: "How often reading stopped" });
  const disconnects = meter.createCounter("tidings.disconnects", { description: "Lost connections, by error code" });

  on<{ gap: Gap }>("tidings:gap", ({ gap }) => {
    gaps.add(1, { cause: gap.cause });
    windows.record(gap.to - gap.from, { cause: gap.cause });
  });
  on<{ state: State; previous: State }>("tidings:state", ({ state, previous }) => {
    // A consumer that was never live was not counted yet.
    if (previous !== "connecting") consumers.add(-1, { state: previous });
    if (state !== "closed") consumers.add(1, { state });
  });
  on("tidings:pause", () => pauses.add(1));
  on<{ reason: { code?: string } }>("tidings:disconnect", ({ reason }) => {
    disconnects.add(1, { code: reason.code ?? "UNKNOWN" });
  });
}

function on<Message>(name: DiagnosticName, listener: (message: Message) => void): void {
  subscribe(name, (message) => listener(message as Message));
}

if (import.meta.filename === process.argv[1]) {
  // What a program does once, at its start; here with exporters that keep what they are given.
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  const spans = new InMemorySpanExporter();
  const tracer = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }).getTracer("example");
  const metrics = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter: metrics, exportIntervalMillis: 60_000 });
  const meter = new MeterProvider({ readers: [reader] }).getMeter("tidings");

  const url = process.env.REDIS_URL ?? "redis://localhost:6379";
  interface Order {
    readonly id: number;
  }
  await using client = new Redis(url, { codec: tracedJson<Order>() });
  observe(meter, client);

  // A request that publishes an order; the worker's span belongs to the same trace.
  const worker = await client.pubsub();
  const worked = new Promise<void>((done) => worker.once("close", done));
  await worker.subscribe(
    "orders",
    traced<Order>(tracer, ({ data }) => {
      console.log(`order ${data.data.id}`);
      void worker.drain(); // when this handler is done
    }),
  );
  await tracer.startActiveSpan("POST /orders", async (span) => {
    await publishTraced(tracer, client, "orders", { id: 1 });
    span.end();
  });
  await worked;

  // A consumer that is too slow: of five messages it holds two, and then reads one.
  const slow = await client.pubsub({ channels: "prices", buffer: { limit: 2, overflow: "drop-oldest" } });
  slow.on("gap", ({ cause, dropped }) => console.log(`gap: ${cause}, ${dropped} messages`));
  for (let id = 1; id <= 5; id++) await client.publish("prices", { id });
  while (slow.stats().received < 5) await setImmediate();
  await slow.receive({ timeout: 1000 });

  await reader.forceFlush();
  for (const span of spans.getFinishedSpans()) {
    const { traceId, spanId } = span.spanContext();
    console.log(`span: ${span.name} (${spanId}), trace ${traceId}, parent ${span.parentSpanContext?.spanId ?? "none"}`);
  }
  for (const { scopeMetrics } of metrics.getMetrics()) {
    for (const { descriptor, dataPoints } of scopeMetrics.flatMap((scope) => scope.metrics)) {
      for (const { value, attributes } of dataPoints) console.log(`metric: ${descriptor.name}`, value, attributes);
    }
  }
}

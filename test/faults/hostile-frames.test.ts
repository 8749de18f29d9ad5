import { constantDelay, ProtocolError, Redis } from "tidings";
import { describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { startFakeServer } from "../support/fake-server.ts";
import { heapUsed } from "../support/leaks.ts";
import { QUICK } from "./fixtures.ts";

const MIB = 2 ** 20;

/** What no server sends. */
const frames: Readonly<Record<string, string>> = {
  noise: "\x00\xff\x13 noise without end\r\n",
  "a length that is no number": "$1x\r\n",
  "a length beyond every limit": "$99999999999\r\n",
  "a negative length": "$-7\r\n",
  "an array with more elements than any": "*999999999\r\n",
  "nesting without end": "*1\r\n".repeat(100_000),
  "nested maps without end": "%1\r\n".repeat(100_000),
  "a line without end": `+${"x".repeat(2 * MIB)}`,
  "a number that is none": ":12x\r\n",
  "a boolean that is none": "#x\r\n",
  "a payload without its end": "$3\r\nabcd\r\n",
  "a reply that nobody asked for": "+OK\r\n",
  "an integer that nobody asked for": ":1\r\n",
};

// Row 48.
describe.each([3, 2] as const)("a server that sends (RESP%i)", (protocol) => {
  test.each(Object.entries(frames))(
    "%s is left with a ProtocolError, and taken up when it is sane",
    async (_what, frame) => {
      await using server = await startFakeServer();
      await using client = new Redis(server.url, { protocol, retryPolicy: constantDelay({ delay: 20 }) });
      const causes: unknown[] = [];
      const policy = (_attempt: number, cause: unknown): number => {
        causes.push(cause);
        return 20;
      };
      await using consumer = await client.pubsub({
        ...QUICK,
        retryPolicy: policy,
        channels: "a",
        ignoreSubscribeMessages: true,
      });
      const gaps: string[] = [];
      consumer.on("gap", ({ cause }) => gaps.push(cause));
      server.publish("a", "before");
      expect(await consumer.receive({ timeout: 5000 })).toMatchObject({ data: "before" });
      const before = await heapUsed();
      server.latest.write(frame);
      await eventually(() => expect(causes).not.toHaveLength(0));
      expect(causes[0]).toBeInstanceOf(ProtocolError);
      await eventually(() => expect([consumer.state, gaps]).toEqual(["live", ["disconnected"]]));
      server.publish("a", "after");
      expect(await consumer.receive({ timeout: 5000 })).toMatchObject({ data: "after" });
      expect((await heapUsed()) - before).toBeLessThan(4 * MIB);
    },
  );

  test("nothing but nonsense meets the policy, whatever it is, and a command is told why", async () => {
    let dials = 0;
    await using server = await startFakeServer({ onConnection: () => dials++ });
    // In its place an ordinary reply is an answer.
    const nonsense = Object.values(frames).filter((frame) => !/^(\+OK|:1\r)/.test(frame));
    server.handle("HELLO", (_command, connection) => connection.write(nonsense[dials % nonsense.length] ?? ""));
    server.handle("CLIENT", (_command, connection) => connection.write(nonsense[dials % nonsense.length] ?? ""));
    await using client = new Redis(server.url, {
      protocol,
      connectTimeout: 300,
      readyTimeout: 300,
      commandTimeout: 300,
      retryPolicy: constantDelay({ delay: 10 }),
    });
    const refused = async () => {
      const before = dials;
      const refusal = await client.publish("a", "x").then(
        () => null,
        (error: unknown) => error,
      );
      expect(refusal).toMatchObject({ code: "TIMEOUT" });
      expect(dials - before).toBeLessThan(60);
      return dials - before;
    };
    // A busy machine may not come to a second attempt in that time.
    await eventually(async () => expect(await refused()).toBeGreaterThan(1));
  });
});

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { startServer as startTestServer, type TestServer } from "tidings/testing";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { deadline } from "../../support/eventually.ts";
import { type RedisServer, startServer } from "../../support/redis-server.ts";
import { command, type Word } from "../../support/resp-writer.ts";
import { serverBinary } from "../../support/server-binary.ts";
import { SEQUENCES, type Step } from "./sequences.ts";

/** Ends what a connection is sent: the bytes before its reply are those of the commands before it. */
const END = "the end of the sequence";

const PATTERN_MESSAGE = /[>*]4\r\n\$8\r\npmessage\r\n(\$\d+\r\n[^\r]*\r\n){3}/g;

/** A connection whose replies are kept as bytes (latin1). */
class Raw {
  readonly #socket: Socket;
  #bytes = "";

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#bytes += chunk.toString("latin1");
    });
  }

  static async open(port: number): Promise<Raw> {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    return new Raw(socket);
  }

  /** All bytes that came since the last call, up to the reply of a PING that follows the command. */
  async send(words: readonly Word[]): Promise<string> {
    this.#socket.write(Buffer.concat([command(words), command(["PING", END])]));
    const arrived = async (): Promise<void> => {
      while (!this.#bytes.endsWith(`${END}\r\n`)) await once(this.#socket, "data");
    };
    await deadline(arrived(), 10_000, `the reply to ${words.join(" ")}`);
    const bytes = this.#bytes;
    this.#bytes = "";
    return bytes;
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** Texts of errors differ from one generation of servers to another; the testing server has those of Redis 7. */
const isModel = serverBinary().name === "redis" && serverBinary().major === 7;

describe.runIf(isModel)("the testing server answers as a real server does", () => {
  let real: RedisServer;
  let fake: TestServer;

  beforeAll(async () => {
    [real, fake] = await Promise.all([startServer(), startTestServer()]);
  });
  afterAll(() => Promise.all([real?.stop(), fake?.close()]));
  beforeEach(async () => {
    for (const port of [real.port, fake.port]) {
      const raw = await Raw.open(port);
      await raw.send(["FLUSHALL"]);
      raw.close();
    }
  });

  describe.each([2, 3])("in RESP%i", (protocol) => {
    test.each(Object.entries(SEQUENCES))("%s", async (_, steps) => {
      const wanted = await replies(real.port, protocol, steps);
      expect(await replies(fake.port, protocol, steps)).toEqual(wanted);
    });
  });
});

/** Each step with the bytes that both connections got. What differs from one server to another is masked. */
async function replies(port: number, protocol: number, steps: readonly Step[]): Promise<string[]> {
  const [one, two] = [await Raw.open(port), await Raw.open(port)];
  try {
    for (const raw of [one, two]) await raw.send(["HELLO", protocol]);
    const lines: string[] = [];
    for (const step of steps) {
      const [raw, words] = "other" in step ? [two, step.other] : [one, step];
      const own = await raw.send(words);
      // What was published reaches the first connection before the reply to a PING of its own.
      const heard = raw === two ? await one.send(["PING"]) : "";
      lines.push(`${words.join(" ")} → ${masked(own + heard)}`);
    }
    return lines;
  } finally {
    one.close();
    two.close();
  }
}

function masked(bytes: string): string {
  // A server goes through its patterns in no order that one could rely on.
  const patterns = bytes.match(PATTERN_MESSAGE)?.sort() ?? [];
  return (bytes.replace(PATTERN_MESSAGE, "") + patterns.join(""))
    .replace(/(\$2\r\nid\r\n:)\d+/g, "$1id")
    .replace(/(\$7\r\nversion\r\n)\$\d+\r\n[^\r]*/g, "$1version");
}

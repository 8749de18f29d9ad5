import * as net from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { eventually } from "./eventually.ts";
import { type FakeServer, startFakeServer } from "./fake-server.ts";
import { startServer } from "./redis-server.ts";
import { command } from "./resp-writer.ts";

const sockets: net.Socket[] = [];

/** Sends each command and gives all that comes back, once it has come to `until`. */
async function talk(server: { readonly port: number }, commands: string[][], until: string): Promise<string> {
  const socket = net.connect(server.port, "127.0.0.1");
  sockets.push(socket);
  let answer = "";
  socket.on("data", (chunk) => {
    answer += chunk.toString("latin1");
  });
  socket.on("error", () => {});
  for (const words of commands) socket.write(command(words));
  await eventually(() => expect(answer.slice(-until.length)).toBe(until));
  return answer;
}

function hangUp(): void {
  for (const socket of sockets.splice(0)) socket.destroy();
}

afterEach(hangUp);

describe("by default a fake server answers as a real one", () => {
  const dialogues: Record<string, string[][]> = {
    "before subscribing": [["PING"], ["PING", "nonce"], ["SELECT", "0"], ["PUBLISH", "a", "b"]],
    "confirmations in RESP2": [
      ["SUBSCRIBE", "a", "b", "a"],
      ["PSUBSCRIBE", "n*"],
      ["SSUBSCRIBE", "s"],
      ["PING"],
      ["PING", "nonce"],
      ["UNSUBSCRIBE", "a"],
      ["UNSUBSCRIBE", "stranger"],
      ["PUNSUBSCRIBE"],
      ["SUNSUBSCRIBE"],
      ["UNSUBSCRIBE"],
      ["UNSUBSCRIBE"],
      ["PUNSUBSCRIBE"],
      ["SUNSUBSCRIBE"],
    ],
    "confirmations in RESP3": [
      ["HELLO", "9"],
      ["HELLO", "3"],
      ["SUBSCRIBE", "a"],
      ["PING"],
      ["PSUBSCRIBE", "a*"],
      ["PING", "nonce"],
      ["UNSUBSCRIBE"],
      ["SSUBSCRIBE", "s", "t"],
      ["SUNSUBSCRIBE", "s", "t"],
      ["SUNSUBSCRIBE"],
    ],
    "a reset": [["SUBSCRIBE", "a"], ["RESET"], ["PING"]],
    leaving: [["QUIT"]],
  };

  test.each(Object.entries(dialogues))("%s", async (_, commands) => {
    await using real = await startServer();
    await using fake = await startFakeServer();
    expect(await wholeAnswer(fake, commands)).toBe(await wholeAnswer(real, commands));
  });
});

/** Says everything and hangs up; gives the whole answer, without what every server says of itself. */
async function wholeAnswer(server: { readonly port: number }, commands: string[][]): Promise<string> {
  const socket = net.connect(server.port, "127.0.0.1");
  let answer = "";
  socket.on("data", (chunk) => {
    answer += chunk.toString("latin1");
  });
  socket.end(Buffer.concat(commands.map((words) => command(words))));
  await eventually(() => expect(socket.closed).toBe(true));
  return answer.replace(/%7\r\n.*?modules\r\n\*0\r\n/s, "(greeting)");
}

describe("a fake server", () => {
  const servers: FakeServer[] = [];
  const start = async (...options: Parameters<typeof startFakeServer>): Promise<FakeServer> => {
    const server = await startFakeServer(...options);
    servers.push(server);
    return server;
  };

  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.stop({ allowOpen: true })));
  });

  test("greets in RESP3 and confirms with pushes", async () => {
    const fake = await start();
    const answer = await talk(fake, [["HELLO", "3"], ["SUBSCRIBE", "a"], ["PING"]], "+PONG\r\n");
    expect(answer).toMatch(/^%7\r\n\$6\r\nserver\r\n/);
    expect(answer).toMatch(/>3\r\n\$9\r\nsubscribe\r\n\$1\r\na\r\n:1\r\n\+PONG\r\n$/);
    expect(fake.received()).toEqual(["HELLO", "SUBSCRIBE", "PING"]);
    expect(fake.latest.protocol).toBe(3);
  });

  test("delivers what is published to channels and patterns", async () => {
    const fake = await start();
    const socket = talk(
      fake,
      [
        ["SUBSCRIBE", "news.1"],
        ["PSUBSCRIBE", "news.*", "x?"],
      ],
      ":3\r\n",
    );
    await socket;
    expect(fake.publish("news.1", "hi")).toBe(2);
    expect(fake.publish("news.2", "hi")).toBe(1);
    expect(fake.publish("newsx1", "hi")).toBe(0);
  });

  test("a handler takes the place of a default, and may fall back on it", async () => {
    const fake = await start({ handlers: { hello: (_, connection) => connection.write("-ERR unknown command\r\n") } });
    let silent = true;
    fake.handle("PING", (received, connection) => {
      if (!silent) fake.respond(received, connection);
      silent = false;
    });
    expect(await talk(fake, [["HELLO", "3"], ["PING"], ["PING", "x"]], "x\r\n")).toBe(
      "-ERR unknown command\r\n$1\r\nx\r\n",
    );
  });

  test("says anything at any time, in pieces", async () => {
    const fake = await start({ onConnection: (connection) => connection.write("+not asked\r\n") });
    expect(await talk(fake, [], "asked\r\n")).toBe("+not asked\r\n");
    let more = "";
    sockets.at(-1)?.on("data", (chunk) => {
      more += chunk.toString("latin1");
    });
    fake.latest.write(">3\r\n$7\r\nmess");
    fake.latest.write(Buffer.from([0xff, 0x0d]));
    await eventually(() => expect(more).toBe(">3\r\n$7\r\nmess\xff\r"));
  });

  test("keeps names as bytes", async () => {
    const fake = await start();
    await talk(fake, [["SUBSCRIBE", "é"]], ":1\r\n");
    expect(fake.commands[0]?.args).toEqual([Buffer.from("é").toString("latin1")]);
    const name = Buffer.from("é").toString("latin1");
    const payload = new Promise((resolve) => sockets.at(-1)?.once("data", resolve));
    expect(fake.publish(name, "ü")).toBe(1);
    expect(await payload).toEqual(Buffer.from("*3\r\n$7\r\nmessage\r\n$2\r\né\r\n$2\r\nü\r\n"));
  });

  test("tells of clients that left a socket open", async () => {
    const leaky = await startFakeServer();
    await talk(leaky, [["PING"]], "+PONG\r\n");
    await expect(leaky.stop()).rejects.toThrow("1 connection(s)");
    const clean = await startFakeServer();
    await talk(clean, [["PING"]], "+PONG\r\n");
    hangUp();
    await clean.stop();
  });
});

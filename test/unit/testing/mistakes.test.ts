import { once } from "node:events";
import { connect } from "node:net";
import { startServer } from "tidings/testing";
import { expect, test } from "vitest";
import { dial, serve } from "./fixtures.ts";

test.each<[unknown, string]>([
  [{ cluster: true, tls: {} }, "no option cluster, tls; it has port, protocol, username, password, version"],
  [{ cluster: true }, "it is no Redis or Valkey server"],
  [null, "an object of options"],
  [[], "an object of options"],
  [{ port: -1 }, "port"],
  [{ port: "1" }, "port"],
  [{ protocol: 4 }, "protocol"],
  [{ password: "" }, "password"],
  [{ username: "ann" }, "needs a password"],
  [{ version: "seven" }, "version"],
])("the options %j are refused", async (options, text) => {
  await expect(startServer(options as object)).rejects.toMatchObject({
    name: "TestServerError",
    code: "INVALID_OPTION",
    message: expect.stringContaining(text),
  });
});

test("a port that is taken rejects with Node's error", async () => {
  const { port } = await serve();
  await expect(startServer({ port })).rejects.toMatchObject({ code: "EADDRINUSE" });
});

test("a command that it does not know is refused, and the error says what it is", async () => {
  const client = dial(await serve());
  await expect(client.call("LPUSH", "list", "x")).rejects.toThrow(
    "ERR unknown command 'LPUSH' (the server of tidings/testing speaks Pub/Sub",
  );
  await expect(client.call("constructor")).rejects.toThrow("unknown command 'CONSTRUCTOR'");
});

test("the controls of a closed server throw, and close may be called again", async () => {
  const server = await startServer();
  await Promise.all([server.close(), server.close()]);
  await server.close();
  const controls = [
    () => server.publish("a", "b"),
    () => server.disconnect(),
    () => server.silence(),
    () => server.deny("a"),
  ];
  for (const control of controls) {
    expect(control).toThrow(expect.objectContaining({ code: "CLOSED", message: expect.stringContaining("is closed") }));
  }
  expect(server.received).toEqual([]);
});

test("wrong arguments of controls are refused", async () => {
  const server = await serve();
  const calls = [
    () => server.publish(1 as never, "x"),
    () => server.publish("a", {} as never),
    () => server.silence(0),
    () => server.silence("yes" as never),
    () => server.deny(),
    () => server.deny({ command: 1 } as never),
    () => server.deny(5 as never),
  ];
  for (const call of calls) expect(call).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
});

test.each([
  ["PING\r\n", "takes no inline commands"],
  ["*x\r\n", "invalid multibulk length"],
  ["*1\r\n:1\r\n", "expected '$', got ':'"],
  ["*1\r\n$-5\r\n", "invalid bulk length"],
])("bytes that are no request are answered and end the connection: %j", async (bytes, text) => {
  const { port } = await serve();
  const socket = connect(port, "127.0.0.1").setEncoding("latin1");
  let answer = "";
  socket.on("data", (chunk) => {
    answer += chunk;
  });
  socket.write(bytes);
  await once(socket, "close");
  expect(answer).toMatch(/^-ERR Protocol error: /);
  expect(answer).toContain(text);
});

test("requests may come byte by byte, and many at once", async () => {
  const { port, received } = await serve();
  const socket = connect(port, "127.0.0.1").setNoDelay(true).setEncoding("latin1");
  let answer = "";
  socket.on("data", (chunk) => {
    answer += chunk;
  });
  for (const byte of "*2\r\n$4\r\nECHO\r\n$3\r\na\r\n\r\n") {
    await new Promise<void>((resolve) => socket.write(byte, () => setImmediate(resolve)));
  }
  socket.write("*1\r\n$4\r\nPING\r\n*0\r\n*1\r\n$4\r\nQUIT\r\n*1\r\n$4\r\nPING\r\n");
  await once(socket, "close");
  expect(answer).toBe("$3\r\na\r\n\r\n+PONG\r\n+OK\r\n");
  expect(received[0]).toEqual(["ECHO", "a\r\n"]);
});

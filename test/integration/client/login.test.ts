import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Credentials, Redis, ServerError } from "../../../src/index.ts";
import { clientList, killClient } from "../../support/clients.ts";
import { eventually } from "../../support/eventually.ts";
import { startFakeServer } from "../../support/fake-server.ts";
import { startProxy } from "../../support/proxy.ts";
import { type RedisServer, startServer } from "../../support/redis-server.ts";
import { error } from "../../support/resp-writer.ts";
import { lacks } from "../../support/server-features.ts";
import { reasonOf } from "./outcome.ts";

const infoTest = test.skipIf(lacks("clientInfo"));

let server: RedisServer;

beforeAll(async () => {
  server = await startServer({
    password: "hunter2",
    users: {
      ann: "on >tiger ~* &* +@all",
      nobody: "on nopass ~* &* +@all",
    },
    config: ["databases 4"],
  });
});

afterAll(() => server.stop());

const url = (login = ""): string => `redis://${login}127.0.0.1:${server.port}`;

describe("a client logs in", () => {
  infoTest.each<[string, () => Redis, string]>([
    ["as the default user, by the URL", () => new Redis(url(":hunter2@")), "default"],
    ["as the default user, by an option", () => new Redis(url(), { password: "hunter2" }), "default"],
    ["as the default user, by name", () => new Redis(url("default:hunter2@")), "default"],
    ["as an ACL user", () => new Redis(url("ann:tiger@")), "ann"],
    ["as an ACL user, by options", () => new Redis(url(), { username: "ann", password: "tiger" }), "ann"],
    ["as a user without a password", () => new Redis(url(), { username: "nobody", password: "" }), "nobody"],
    ["by a provider", () => new Redis(url(), { credentials: () => ({ password: "hunter2" }) }), "default"],
    [
      "by a provider that takes its time",
      () => new Redis(url(), { credentials: async () => ({ username: "ann", password: "tiger" }) }),
      "ann",
    ],
  ])("%s", async (_how, create, user) => {
    await using client = create();
    expect(await client.call("ACL", "WHOAMI")).toBe(user);
    expect(String(await client.call("CLIENT", "INFO"))).toMatch(/ resp=3\b/);
  });

  infoTest.each([
    [":hunter2@", "default"],
    ["ann:tiger@", "ann"],
  ])("in RESP2 where that is asked for (%s)", async (login, user) => {
    await using client = new Redis(url(login), { protocol: 2, clientName: "two" });
    expect(await client.call("ACL", "WHOAMI")).toBe(user);
    expect(String(await client.call("CLIENT", "INFO"))).toMatch(/ name=two .* resp=2\b/);
  });

  test("and its consumers do, each with the name", async () => {
    await using client = new Redis(url("ann:tiger@"), { clientName: "reader" });
    await client.connect();
    await using _consumer = await client.pubsub({ channels: "a" });
    const own = (await clientList(server.control)).filter(({ name }) => name === "reader");
    expect(own.map(({ user, sub }) => [user, sub]).sort()).toEqual([
      ["ann", 0],
      ["ann", 1],
    ]);
  });

  infoTest("and keeps in step where the server refuses CLIENT SETINFO", async () => {
    await using client = new Redis(url(":hunter2@"), { clientName: "old" });
    expect(await client.call("ECHO", "in step")).toBe("in step");
    const own = (await clientList(server.control)).find(({ name }) => name === "old");
    expect(own).toMatchObject({ resp: 3, db: 0 });
  });

  test("with the library's name where the server keeps it", async () => {
    await using fake = await startFakeServer();
    await using client = new Redis(fake.url);
    await client.connect();
    const info = fake.commands.filter(({ name, args }) => name === "CLIENT" && args[0] === "SETINFO");
    expect(info.map(({ args }) => args.slice(1))).toEqual([
      ["LIB-NAME", "tidings"],
      ["LIB-VER", expect.stringMatching(/^\d+\.\d+\.\d+/)],
    ]);
  });
});

describe("a server that refuses HELLO", () => {
  infoTest("by its configuration: the client falls back to RESP2, logged in and named", async () => {
    await using own = await startServer({
      password: "hunter2",
      users: { ann: "on >tiger ~* &* +@all", mute: "on >tiger ~* &* +@all -client" },
      config: ['rename-command HELLO ""'],
    });
    const to = (login: string): string => `redis://${login}@127.0.0.1:${own.port}`;
    await using client = new Redis(to("ann:tiger"), { clientName: "ann-name", db: 2 });
    expect(await client.call("ACL", "WHOAMI")).toBe("ann");
    expect(String(await client.call("CLIENT", "INFO"))).toMatch(/ name=ann-name .* db=2 .* resp=2\b/);
    await using byDefault = new Redis(to(":hunter2"));
    expect(await byDefault.call("ACL", "WHOAMI")).toBe("default");
    // One that may not name itself does without a name.
    await using mute = new Redis(to("mute:tiger"), { clientName: "mute-name", connectTimeout: 3000 });
    expect(await mute.call("ACL", "WHOAMI")).toBe("mute");
  });

  infoTest.each([
    "-ERR unknown command 'HELLO', with args beginning with: '3' 'AUTH' 'ann' 'tiger'\r\n",
    "-NOPROTO unsupported protocol version\r\n",
    "-ERR unknown command `HELLO`\r\n",
  ])("by its age: %j", async (reply) => {
    await using proxy = await startProxy(server.port);
    proxy.answer("HELLO", reply);
    await using client = new Redis(`redis://ann:tiger@127.0.0.1:${proxy.port}`, { clientName: "aged" });
    expect(String(await client.call("CLIENT", "INFO"))).toMatch(/ name=aged .* user=ann .* resp=2\b/);
    await using consumer = await client.pubsub({ channels: "aged", ignoreSubscribeMessages: true });
    expect(await client.publish("aged", "hello")).toBe(1);
    expect(await consumer.receive({ timeout: 5000 })).toMatchObject({ data: "hello" });
    await client.close();
    await eventually(() => expect(proxy.open).toBe(0));
  });

  infoTest("once speaks RESP3 again after it was replaced", async () => {
    await using proxy = await startProxy(server.port);
    proxy.answer("HELLO", "-NOPROTO sorry\r\n");
    await using client = new Redis(`redis://:hunter2@127.0.0.1:${proxy.port}`);
    expect(String(await client.call("CLIENT", "INFO"))).toMatch(/ resp=2\b/);
    await proxy.heal();
    proxy.cut();
    await eventually(async () => expect(String(await client.call("CLIENT", "INFO"))).toMatch(/ resp=3\b/));
    await client.close();
    await eventually(() => expect(proxy.open).toBe(0));
  });
});

describe("the credentials provider", () => {
  test("is asked at each connect, and a rotated password is used", async () => {
    await using own = await startServer({ users: { bob: "on >one ~* &* +@all" } });
    let password = "one";
    let asked = 0;
    const credentials = (): Credentials => {
      asked += 1;
      return { username: "bob", password };
    };
    await using client = new Redis(own.url, { credentials });
    const id = Number(await client.call("CLIENT", "ID"));
    expect(asked).toBe(1);
    await own.control.command("ACL", "SETUSER", "bob", "resetpass", ">two");
    password = "two";
    await killClient(own.control, id);
    await eventually(async () => expect(await client.call("ACL", "WHOAMI")).toBe("bob"));
    expect(asked).toBe(2);
    await using _consumer = await client.pubsub({ channels: "a" });
    expect(asked).toBe(3);
  });

  test("that fails once is asked again", async () => {
    let asked = 0;
    const credentials = (): Credentials => {
      asked += 1;
      if (asked === 1) throw new Error("the vault is sealed");
      return { password: "hunter2" };
    };
    await using client = new Redis(url(), { credentials });
    expect(await client.call("PING")).toBe("PONG");
    expect(asked).toBe(2);
  });
});

describe("a database that is not there", () => {
  test.each([2, 3] as const)("is a ServerError, and no other attempt is made (RESP%i)", async (protocol) => {
    await using proxy = await startProxy(server.port);
    await using client = new Redis(`redis://:hunter2@127.0.0.1:${proxy.port}/99`, { protocol });
    const reason = await reasonOf(client.connect());
    expect(reason).toBeInstanceOf(ServerError);
    expect(reason).toMatchObject({ code: "ERR", command: "SELECT", message: expect.stringContaining("out of range") });
    expect(client.state).toBe("failed");
    expect(proxy.accepted).toHaveLength(1);
  });
});

test("a server that is loading is tried again until it is ready", async () => {
  let loading = 3;
  await using fake = await startFakeServer({
    handlers: {
      HELLO: (command, connection) => {
        if (loading-- > 0) connection.write(error("LOADING Redis is loading the dataset in memory"));
        else fake.respond(command, connection);
      },
    },
  });
  await using client = new Redis(fake.url);
  expect(await client.call("ECHO", "ready")).toBe("ready");
  expect(fake.accepted).toHaveLength(4);
});

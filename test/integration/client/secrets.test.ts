import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { type ClientEvents, type Credentials, constantDelay, Redis, type RedisOptions } from "../../../src/index.ts";
import { eventually } from "../../support/eventually.ts";
import type { FakeHandler } from "../../support/fake-commands.ts";
import { startFakeServer } from "../../support/fake-server.ts";
import { startServer } from "../../support/redis-server.ts";
import { reasonOf } from "./outcome.ts";

/** Characters that an encoding on the way would change, so that each form of it is looked for. */
const SECRET = "hunter2+ä/%'";

const FORMS = [
  SECRET,
  "hunter2",
  encodeURIComponent(SECRET),
  Buffer.from(SECRET).toString("latin1"),
  Buffer.from(SECRET).toString("base64"),
  Buffer.from(SECRET).toString("hex"),
  // As a Buffer is printed.
  Buffer.from("hunter2")
    .toString("hex")
    .replace(/..(?=.)/g, "$& "),
];

/** All that can be seen of a value: printed, as JSON, and along its causes. */
function seen(value: unknown): string {
  const shown: string[] = [];
  const met = new Set<unknown>();
  for (let next = value; next !== undefined && next !== null && !met.has(next); ) {
    met.add(next);
    shown.push(String(next), inspect(next, { depth: 10, showHidden: true, maxStringLength: null }), inspect(next));
    shown.push(JSON.stringify(next) ?? "");
    if (typeof next !== "object") break;
    for (const name of Reflect.ownKeys(next)) shown.push(String(name), inspect(Reflect.get(next, name), { depth: 10 }));
    if (!(next instanceof Error)) break;
    shown.push(next.message, next.stack ?? "", next.toString());
    next = next.cause;
  }
  return shown.join("\n");
}

function expectNoSecret(...values: unknown[]): void {
  const text = values.map(seen).join("\n");
  for (const form of FORMS) expect(text.includes(form), `${form} shows in:\n${text}`).toBe(false);
}

/** Every error and every event of a client whose login fails, the client itself, and those of a consumer. */
async function fail(url: string, options: RedisOptions): Promise<void> {
  const client = new Redis(url, { connectTimeout: 400, readyTimeout: 400, commandTimeout: 400, ...options });
  const witnessed: unknown[] = [client];
  for (const name of ["error", "connect", "ready", "reconnecting", "close"] as (keyof ClientEvents)[]) {
    client.on(name, (...args: unknown[]) => witnessed.push(name, ...args));
  }
  const reasons = await Promise.all([
    reasonOf(client.connect()),
    reasonOf(client.call("PING")),
    reasonOf(client.publish("a", "b")),
    reasonOf(client.pubsub({ channels: "a" })),
  ]);
  witnessed.push(...reasons, client["~connections"]);
  await client.close();
  witnessed.push(await reasonOf(client.connect()));
  expect(witnessed.length).toBeGreaterThan(6);
  expectNoSecret(...witnessed);
}

const encoded = encodeURIComponent(SECRET);

test("the search itself finds a secret wherever it hides", () => {
  const hidden = new Error("outer", { cause: Object.assign(new Error("inner"), { args: [{ deep: SECRET }] }) });
  for (const value of [hidden, { a: { b: [SECRET] } }, new Error(SECRET), Buffer.from(SECRET), SECRET]) {
    expect(() => expectNoSecret(value)).toThrow(/shows in/);
  }
});

describe("no password shows when a login fails", () => {
  test.each<[string, (port: number) => [string, RedisOptions]]>([
    ["of the URL", (port) => [`redis://ann:${encoded}@127.0.0.1:${port}`, {}]],
    ["of the URL, in RESP2", (port) => [`redis://ann:${encoded}@127.0.0.1:${port}`, { protocol: 2 }]],
    ["of the default user", (port) => [`redis://:${encoded}@127.0.0.1:${port}`, {}]],
    ["of the options", (port) => [`redis://127.0.0.1:${port}`, { username: "ann", password: SECRET }]],
    ["of a provider", (port) => [`redis://127.0.0.1:${port}`, { credentials: () => ({ password: SECRET }) }]],
  ])("a wrong one %s, on a real server", async (_where, place) => {
    await using server = await startServer({ password: "another", users: { ann: "on >another ~* &* +@all" } });
    await fail(...place(server.port));
  });

  const echoing: [string, FakeHandler][] = [
    [
      "in the words of Redis",
      ({ name, args }, connection) => {
        const echoed = args.map((arg) => `'${arg}'`).join(" ");
        connection.write(`-ERR unknown command '${name}', with args beginning with: ${echoed} \r\n`);
      },
    ],
    ["in words of its own", ({ name, args }, connection) => connection.write(`-ERR ${name} ${args.join(" ")}\r\n`)],
    ["as the error's code", ({ args }, connection) => connection.write(`-${args.at(-1)} is wrong\r\n`)],
    ["beside an unknown code", ({ args }, connection) => connection.write(`-WRONGPASS not ${args.at(-1)}\r\n`)],
  ];

  test.each(echoing)("and the server echoes it %s", async (_how, echo) => {
    await using fake = await startFakeServer({ handlers: { HELLO: echo, AUTH: echo } });
    await fail(`redis://ann:${encoded}@${fake.host}:${fake.port}`, { clientName: "named" });
    await fail(`redis://:${encoded}@${fake.host}:${fake.port}`, { protocol: 2 });
  });

  test("and the server hangs", async () => {
    await using fake = await startFakeServer({ handlers: { HELLO: () => {} } });
    await fail(`redis://ann:${encoded}@${fake.host}:${fake.port}`, { retryPolicy: constantDelay({ delay: 5 }) });
  });

  test("and the server hangs up", async () => {
    await using fake = await startFakeServer({ handlers: { HELLO: (_, connection) => connection.reset() } });
    await fail(`redis://ann:${encoded}@${fake.host}:${fake.port}`, { retryPolicy: constantDelay({ delay: 5 }) });
  });

  test("and the server sends back what it got, which is no RESP", async () => {
    await using fake = await startFakeServer({
      handlers: { HELLO: ({ words }, connection) => connection.write(Buffer.concat([...words, Buffer.from("\r\n")])) },
    });
    await fail(`redis://ann:${encoded}@${fake.host}:${fake.port}`, { retryPolicy: constantDelay({ delay: 5 }) });
  });

  test("and there is no server", async () => {
    await fail(`redis://ann:${encoded}@127.0.0.1:1`, { retryPolicy: constantDelay({ delay: 5 }) });
    await fail(`rediss://ann:${encoded}@127.0.0.1:1`, { retryPolicy: constantDelay({ delay: 5 }) });
  });

  test("and the provider throws", async () => {
    await using fake = await startFakeServer();
    const held = { password: SECRET };
    await fail(fake.url, {
      retryPolicy: constantDelay({ delay: 5 }),
      credentials: (): Credentials => {
        if (held.password !== "") throw new Error("the vault is sealed");
        return held;
      },
    });
    expect(fake.commands).toEqual([]);
  });

  test("and the provider answers with something else", async () => {
    await using fake = await startFakeServer();
    for (const answer of [SECRET, { password: [SECRET] }, { password: { value: SECRET } }]) {
      await fail(fake.url, {
        retryPolicy: constantDelay({ delay: 5 }),
        credentials: () => answer as unknown as Credentials,
      });
    }
    expect(fake.received()).not.toContain("PING");
  });
});

describe("no password shows when the arguments are wrong", () => {
  test.each([
    [`redis://ann:${encoded}@local host`],
    [`redis://ann:${encoded}@localhost:port`],
    [`http://ann:${encoded}@localhost`],
    [`redis://ann:${encoded}@localhost/x`],
    [`redis://ann:${encoded}@localhost?x=1`],
    [`redis://ann:hunter2%zz@localhost`],
    [`hunter2@localhost`],
    [`redis://ann:${encoded}@localhost`, { credentials: () => ({}) }],
    [`redis://ann:${encoded}@localhost`, { passwort: SECRET }],
    [`rediss://ann:${encoded}@localhost`, { tls: false }],
    ["redis://localhost", { password: [SECRET] }],
    ["redis://localhost", { credentials: SECRET }],
    ["redis://localhost", { username: "ann", tls: SECRET }],
    [{ password: SECRET }, { password: SECRET }],
  ] as unknown[][])("%#", (...args) => {
    let error: unknown;
    try {
      Reflect.construct(Redis, args);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code: "ARGUMENT" });
    expectNoSecret(error);
  });
});

test("no password shows on a client that works, nor on its consumers, nor when the link is lost", async () => {
  await using fake = await startFakeServer();
  const url = `redis://ann:${encoded}@${fake.host}:${fake.port}`;
  await using client = new Redis(url, { retryPolicy: constantDelay({ delay: 5 }) });
  await using consumer = await client.pubsub({ channels: "a" });
  const witnessed: unknown[] = [client, consumer];
  client.on("reconnecting", (info) => witnessed.push(info));
  await client.connect();
  fake.handle("ECHO", (_, connection) => connection.reset());
  witnessed.push(await reasonOf(client.call("ECHO", "x")));
  await eventually(() => expect(witnessed).toHaveLength(4));
  await client.connect();
  expect(fake.commands.some(({ args }) => args.includes(Buffer.from(SECRET).toString("latin1")))).toBe(true);
  expectNoSecret(...witnessed, client);
});

import { setImmediate as turn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CommandLink, NeverSent, Unsent } from "../../../src/client/command-link.ts";
import { Deferred } from "../../../src/core/deferred.ts";
import { ClosedError, ConnectionError, ServerError, TimeoutError } from "../../../src/errors.ts";
import { eventually } from "../../support/eventually.ts";
import { FakeLife } from "./fake-life.ts";

/** What a link's owner was told, and the dials that it was asked for. */
interface World {
  readonly dials: Deferred<FakeLife>[];
  readonly told: unknown[];
}

let world: World;
let link: CommandLink;
let opened: CommandLink[] = [];

function linkOf({ commandTimeout = 10_000, wait = 5 as number | null } = {}): CommandLink {
  world = { dials: [], told: [] };
  const { dials, told } = world;
  link = new CommandLink(
    {
      address: "h:1",
      dial: async () => {
        const dial = new Deferred<FakeLife>();
        dials.push(dial);
        return (await dial.promise).asConnection;
      },
      ready: () => told.push("ready"),
      reconnecting: (cause, delay) => told.push({ reconnecting: cause, delay }),
      failed: (cause, wasTold) => told.push({ failed: cause, told: wasTold }),
    },
    { commandTimeout, retryPolicy: () => wait },
  );
  opened.push(link);
  return link;
}

beforeEach(() => void linkOf());
afterEach(async () => {
  await Promise.all(opened.map((one) => one.close()));
  opened = [];
});

/** Settles the dial of this place, once it was asked for. */
async function settle(index: number, outcome: FakeLife | Error): Promise<void> {
  await eventually(() => expect(world.dials.length).toBeGreaterThan(index));
  if (outcome instanceof FakeLife) world.dials[index]?.resolve(outcome);
  else world.dials[index]?.reject(outcome);
}

/** A link with a connection. */
async function live(): Promise<FakeLife> {
  const life = new FakeLife();
  const connected = link.connect(10_000);
  await settle(world.dials.length - 1, life);
  await connected;
  return life;
}

const outcomeOf = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);
const refused = new ConnectionError("The connection to h:1 failed: ECONNREFUSED.");
const wrongPassword = new ServerError("WRONGPASS no", "HELLO");

describe("a link that is not used", () => {
  test("is idle and dials nothing", async () => {
    await turn();
    expect([link.state, link.awaited, world.dials.length]).toEqual(["idle", false, 0]);
  });

  test("has nothing to wait for", async () => {
    await link.answered();
    await link.close();
    expect(link.state).toBe("closed");
  });
});

describe("the first command", () => {
  test("dials, waits, and is sent when the connection is ready, with its time and form", async () => {
    const before = performance.now();
    const replies = [link.command(["GET", "a"]), link.command(["GET", "b"], false)];
    expect([link.state, link.awaited]).toEqual(["connecting", true]);
    const life = new FakeLife();
    await settle(0, life);
    await eventually(() => expect(life.commands).toEqual(["GET a", "GET b"]));
    expect([link.state, link.awaited, world.told, world.dials.length]).toEqual(["live", false, ["ready"], 1]);
    expect(life.given.map(({ wantsText }) => wantsText)).toEqual([true, false]);
    for (const { since } of life.given) expect(since).toBeGreaterThanOrEqual(before);
    life.answer(0, "A");
    life.answer(1, "B");
    expect(await Promise.all(replies)).toEqual(["A", "B"]);
  });

  test("keeps the time at which it was issued", async () => {
    const since = performance.now() - 1000;
    void link.command(["GET"], true, since);
    const life = new FakeLife();
    await settle(0, life);
    await eventually(() => expect(life.given[0]?.since).toBe(since));
    life.answer(0, null);
  });

  test("keeps the bytes that it was given, whatever the caller does with them", async () => {
    const bytes = Buffer.from("before");
    void link.command(["ECHO", bytes]);
    bytes.fill("x");
    const life = new FakeLife();
    await settle(0, life);
    await eventually(() => expect(life.commands).toEqual(["ECHO before"]));
    life.answer(0, null);
  });
});

describe("a command on a live link", () => {
  test("goes out at once, and its time is passed on", async () => {
    const life = await live();
    const reply = link.command(["GET", "a"], false, 42);
    expect(life.given.map(({ args, wantsText, since }) => [args, wantsText, since])).toEqual([
      [["GET", "a"], false, 42],
    ]);
    expect(link.awaited).toBe(false);
    life.answer(0, "A");
    expect(await reply).toBe("A");
  });
});

describe("connect", () => {
  test("resolves when a connection is ready, for each call, and at once when there is one", async () => {
    const both = [link.connect(10_000), link.connect(10_000)];
    expect(link.state).toBe("connecting");
    await settle(0, new FakeLife());
    await Promise.all(both);
    await link.connect(10_000);
    expect([link.state, world.dials.length]).toEqual(["live", 1]);
  });

  test("rejects after its time, says why, and stops dialling where nothing else waits", async () => {
    const error = await outcomeOf(link.connect(20));
    expect(error).toBeInstanceOf(TimeoutError);
    expect(String(error)).toContain("No connection within 20 ms. Is h:1 up?");
    expect([link.state, (error as Error).cause]).toEqual(["idle", undefined]);
  });

  test("that is late tells the last failure, and keeps it as the cause", async () => {
    linkOf({ wait: 60_000 });
    const outcome = outcomeOf(link.connect(60));
    await settle(0, refused);
    const error = await outcome;
    expect(error).toMatchObject({ message: `No connection within 60 ms. ${refused.message}`, cause: refused });
  });

  test("rejects with why there will be no connection, and the next one tries again", async () => {
    const outcome = outcomeOf(link.connect(10_000));
    await settle(0, wrongPassword);
    expect(await outcome).toBe(wrongPassword);
    expect([link.state, world.told]).toEqual(["failed", [{ failed: wrongPassword, told: true }]]);
    const again = link.connect(10_000);
    expect(link.state).toBe("connecting");
    await settle(1, new FakeLife());
    await again;
    expect(link.state).toBe("live");
  });

  test("that is late leaves a command its wait", async () => {
    const reply = link.command(["GET"]);
    await outcomeOf(link.connect(20));
    expect([link.state, link.awaited]).toEqual(["connecting", true]);
    const life = new FakeLife();
    await settle(0, life);
    await eventually(() => expect(life.commands).toEqual(["GET"]));
    life.answer(0, "A");
    expect(await reply).toBe("A");
  });
});

describe("a connection that is lost", () => {
  test("is told with the wait, and the next one serves what waited meanwhile", async () => {
    const first = await live();
    first.lose(refused);
    await eventually(() => expect(world.told).toEqual(["ready", { reconnecting: refused, delay: 5 }]));
    expect(link.state).toBe("reconnecting");
    const reply = link.command(["GET", "a"]);
    expect([first.commands, link.awaited]).toEqual([[], true]);
    const second = new FakeLife();
    await settle(1, second);
    await eventually(() => expect(second.commands).toEqual(["GET a"]));
    expect(link.state).toBe("live");
    second.answer(0, "A");
    expect(await reply).toBe("A");
  });

  test("is dialled again though no command waits", async () => {
    const first = await live();
    first.lose(refused);
    await settle(1, new FakeLife());
    await eventually(() => expect(link.state).toBe("live"));
  });

  test("is a failure, told to no call, where the policy gives up", async () => {
    linkOf({ wait: null });
    const life = await live();
    life.lose(refused);
    await eventually(() => expect(world.told).toEqual(["ready", { failed: refused, told: false }]));
    expect(link.state).toBe("failed");
  });
});

describe("an attempt that fails", () => {
  test("leaves commands waiting for the next", async () => {
    const reply = link.command(["GET"]);
    await settle(0, refused);
    const life = new FakeLife();
    await settle(1, life);
    await eventually(() => expect(life.commands).toEqual(["GET"]));
    expect(world.told).toEqual([{ reconnecting: refused, delay: 5 }, "ready"]);
    life.answer(0, "A");
    expect(await reply).toBe("A");
  });

  test("for good rejects all that waits", async () => {
    const outcomes = [link.command(["GET"]), link.connect(10_000)].map(outcomeOf);
    await settle(0, wrongPassword);
    expect(await Promise.all(outcomes)).toEqual([wrongPassword, wrongPassword]);
    expect([link.state, link.awaited, world.told]).toEqual(["failed", false, [{ failed: wrongPassword, told: true }]]);
  });
});

describe("a command that runs out of time", () => {
  test("was never sent, says why, and stops the dialling where nothing else waits", async () => {
    linkOf({ commandTimeout: 30, wait: 60_000 });
    const outcome = outcomeOf(link.command(["get", "a"]));
    await settle(0, refused);
    const error = await outcome;
    expect(error).toBeInstanceOf(NeverSent);
    expect(error).toMatchObject({
      message: `GET was not sent: no connection within 30 ms. ${refused.message}`,
      cause: refused,
    });
    expect([link.state, link.awaited]).toEqual(["idle", false]);
  });

  test("leaves those that have time left", async () => {
    linkOf({ commandTimeout: 2000 });
    const late = outcomeOf(link.command(["GET", "a"], true, performance.now() - 1990));
    const reply = link.command(["GET", "b"]);
    expect(await late).toBeInstanceOf(NeverSent);
    expect([link.state, link.awaited]).toEqual(["connecting", true]);
    const life = new FakeLife();
    await settle(0, life);
    await eventually(() => expect(life.commands).toEqual(["GET b"]));
    life.answer(0, "B");
    expect(await reply).toBe("B");
  });

  test("of a link that was live goes on dialling", async () => {
    linkOf({ commandTimeout: 30 });
    const life = await live();
    life.lose(refused);
    await eventually(() => expect(link.state).toBe("reconnecting"));
    expect(await outcomeOf(link.command(["GET"]))).toBeInstanceOf(NeverSent);
    expect(link.state).toBe("reconnecting");
  });
});

describe("what waits is given back", () => {
  test("where it can go elsewhere; what cannot waits on, in its order", async () => {
    const fixed = [link.command(["GET", "1"]), link.command(["GET", "2"])];
    const movable = outcomeOf(link.command(["GET", "3"], true, undefined, true));
    link.evict();
    const error = await movable;
    expect(error).toBeInstanceOf(Unsent);
    expect(String(error)).toContain("cannot be reached");
    expect(link.awaited).toBe(true);
    const life = new FakeLife();
    await settle(0, life);
    await eventually(() => expect(life.commands).toEqual(["GET 1", "GET 2"]));
    life.answer(0, "a");
    life.answer(1, "b");
    expect(await Promise.all(fixed)).toEqual(["a", "b"]);
  });

  test("with the last failure as the cause", async () => {
    linkOf({ wait: 60_000 });
    const movable = outcomeOf(link.command(["GET"], true, undefined, true));
    await settle(0, refused);
    await eventually(() => expect(world.told).toHaveLength(1));
    link.evict();
    expect(await movable).toMatchObject({ cause: refused });
  });

  test("and the dialling stops where nothing is left a turn later", async () => {
    const movable = outcomeOf(link.command(["GET"], true, undefined, true));
    link.evict();
    await movable;
    await eventually(() => expect(link.state).toBe("idle"));
  });

  test("and the dialling goes on where it returns at once", async () => {
    const movable = link.command(["GET"], true, undefined, true).catch(() => link.command(["GET", "again"]));
    link.evict();
    await turn();
    await turn();
    expect(link.state).toBe("connecting");
    const life = new FakeLife();
    await settle(0, life);
    await eventually(() => expect(life.commands).toEqual(["GET again"]));
    life.answer(0, "A");
    expect(await movable).toBe("A");
  });
});

describe("answered", () => {
  test("resolves when what waited was sent and answered", async () => {
    const reply = link.command(["GET"]);
    let done = false;
    const answered = link.answered().then(() => {
      done = true;
    });
    const life = new FakeLife();
    await settle(0, life);
    await eventually(() => expect(life.commands).toEqual(["GET"]));
    await turn();
    expect(done).toBe(false);
    life.answer(0, "A");
    await Promise.all([reply, answered]);
  });

  test("waits for what is sent while it waits", async () => {
    const life = await live();
    const first = link.command(["GET", "1"]);
    const second = first.then(() => link.command(["GET", "2"]));
    const answered = link.answered();
    life.answer(0, "a");
    await eventually(() => expect(life.commands).toEqual(["GET 1", "GET 2"]));
    let done = false;
    void answered.then(() => {
      done = true;
    });
    await turn();
    expect(done).toBe(false);
    life.answer(1, "b");
    await Promise.all([second, answered]);
  });
});

describe("a close", () => {
  test("rejects what waits, and what comes later", async () => {
    const outcomes = [link.command(["GET"]), link.connect(10_000)].map(outcomeOf);
    await link.close();
    for (const error of await Promise.all(outcomes)) expect(error).toBeInstanceOf(ClosedError);
    expect([link.state, link.awaited]).toEqual(["closed", false]);
    await expect(link.command(["GET"])).rejects.toBeInstanceOf(ClosedError);
    await expect(link.connect(10)).rejects.toBeInstanceOf(ClosedError);
  });

  test("stops an attempt: its connection is destroyed and never used", async () => {
    void outcomeOf(link.command(["GET"]));
    await link.close();
    const life = new FakeLife();
    await settle(0, life);
    await eventually(() => expect(life.destroyedWith).not.toBeNull());
    expect([life.commands, world.told]).toEqual([[], []]);
  });

  test("waits for the replies that are due, then destroys the connection and waits until it is gone", async () => {
    const life = await live();
    life.closes = false;
    const reply = link.command(["GET"]);
    let closed = false;
    const closing = link.close().then(() => {
      closed = true;
    });
    await turn();
    expect(life.destroyedWith).toBeNull();
    life.answer(0, "A");
    expect(await reply).toBe("A");
    await eventually(() => expect(life.destroyedWith).toBeInstanceOf(ClosedError));
    await turn();
    expect(closed).toBe(false);
    life.leave();
    await closing;
  });

  test("does not wait for replies that do not come", async () => {
    const life = await live();
    const outcome = outcomeOf(link.command(["GET"]));
    await link.close();
    expect(life.destroyedWith).toBeInstanceOf(ClosedError);
    expect(await outcome).toBe(life.destroyedWith);
  });

  test("twice is one", async () => {
    await live();
    await Promise.all([link.close(), link.close()]);
    await link.close();
    expect(link.state).toBe("closed");
  });
});

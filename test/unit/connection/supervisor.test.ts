import { setImmediate as turn } from "node:timers/promises";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Connection } from "../../../src/connection/connection.ts";
import { type Supervised, Supervisor } from "../../../src/connection/supervisor.ts";
import { constantDelay, noRetry, type RetryPolicy } from "../../../src/core/backoff.ts";
import { ArgumentError, ConnectionError, ServerError } from "../../../src/errors.ts";
import { eventually } from "../../support/eventually.ts";
import { stopClock } from "../../support/fake-clock.ts";
import { watchResources } from "../../support/resource-watch.ts";

/** As much of a connection as a supervisor sees. */
class FakeLife {
  readonly #listeners = new Set<(reason: unknown) => void>();
  destroyedWith: unknown = null;

  onClosed(listener: (reason: unknown) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  destroy(reason: unknown): void {
    this.destroyedWith = reason;
  }

  lose(reason: unknown): void {
    for (const listener of this.#listeners) listener(reason);
    this.#listeners.clear();
  }

  get listeners(): number {
    return this.#listeners.size;
  }
}

/** An owner whose dials are settled by the test; it notes what it is told. */
class Owner implements Supervised {
  readonly told: unknown[] = [];
  readonly dials: { resolve(life: FakeLife): void; reject(reason: unknown): void; signal: AbortSignal }[] = [];

  dial(signal: AbortSignal): Promise<Connection> {
    return new Promise((resolve, reject) => {
      this.dials.push({ resolve: (life) => resolve(life as unknown as Connection), reject, signal });
    });
  }

  up(): void {
    this.told.push("up");
  }

  down(reason: unknown, wait: number): void {
    this.told.push({ down: reason, wait });
  }

  failed(reason: unknown): void {
    this.told.push({ failed: reason });
  }

  async settle(attempt: number, outcome: FakeLife | Error): Promise<void> {
    const dial = this.dials[attempt];
    if (dial === undefined) throw new Error(`there was no attempt ${attempt}`);
    if (outcome instanceof FakeLife) dial.resolve(outcome);
    else dial.reject(outcome);
    await turn();
  }
}

const lost = new ConnectionError("lost");
const refused = new ConnectionError("refused");

function supervise(policy: RetryPolicy): { owner: Owner; supervisor: Supervisor } {
  const owner = new Owner();
  const supervisor = new Supervisor(owner, policy);
  supervisor.start();
  return { owner, supervisor };
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe("a supervisor", () => {
  test("dials, says that the connection is up, and dials anew when it is lost", async () => {
    const { owner, supervisor } = supervise(constantDelay({ delay: 50 }));
    const life = new FakeLife();
    await owner.settle(0, life);
    life.lose(lost);
    await eventually(() => expect(owner.dials).toHaveLength(2));
    expect(owner.told).toEqual(["up", { down: lost, wait: 50 }]);
    supervisor.stop();
  });

  test("dials once, however often it is started", async () => {
    const { owner, supervisor } = supervise(noRetry());
    supervisor.start();
    supervisor.start();
    expect(owner.dials).toHaveLength(1);
    supervisor.stop();
  });

  test("asks the policy with a count that goes on while attempts fail, and the cause", async () => {
    const policy = vi.fn<RetryPolicy>(() => 1);
    const { owner, supervisor } = supervise(policy);
    for (let attempt = 0; attempt < 3; attempt++) {
      await eventually(() => expect(owner.dials).toHaveLength(attempt + 1));
      await owner.settle(attempt, refused);
    }
    expect(policy.mock.calls).toEqual([
      [1, refused],
      [2, refused],
      [3, refused],
    ]);
    supervisor.stop();
  });

  test("comes back within 100 ms after a live link was lost, whatever the policy says", async () => {
    const { owner, supervisor } = supervise(constantDelay({ delay: 60_000 }));
    const life = new FakeLife();
    await owner.settle(0, life);
    life.lose(lost);
    await eventually(() => expect(owner.dials).toHaveLength(2));
    expect(owner.told).toEqual(["up", { down: lost, wait: 100 }]);
    await owner.settle(1, refused);
    expect(owner.told.at(-1)).toEqual({ down: refused, wait: 60_000 });
    supervisor.stop();
  });

  test("counts anew after a link that lived for five seconds, and not after a shorter one", async () => {
    const attempts: number[] = [];
    const { owner, supervisor } = supervise((attempt) => {
      attempts.push(attempt);
      return 0;
    });
    for (const [attempt, age] of [4999, 4999, 5001].entries()) {
      await eventually(() => expect(owner.dials).toHaveLength(attempt + 1));
      const life = new FakeLife();
      const now = performance.now();
      vi.spyOn(performance, "now").mockReturnValue(now);
      await owner.settle(attempt, life);
      vi.mocked(performance.now).mockReturnValue(now + age);
      life.lose(lost);
      await turn();
      vi.restoreAllMocks();
    }
    expect(attempts).toEqual([1, 2, 1]);
    supervisor.stop();
  });
});

describe("it gives up, and says why", () => {
  test("when the policy does", async () => {
    const { owner } = supervise(noRetry());
    await owner.settle(0, refused);
    expect(owner.told).toEqual([{ failed: refused }]);
  });

  test("when the policy throws, with what it threw", async () => {
    const broken = new Error("broken policy");
    const { owner } = supervise(() => {
      throw broken;
    });
    await owner.settle(0, refused);
    expect(owner.told).toEqual([{ failed: broken }]);
  });

  test("when the login is refused, without asking the policy", async () => {
    const policy = vi.fn<RetryPolicy>(() => 1);
    const wrong = new ServerError("WRONGPASS invalid", "HELLO");
    const { owner } = supervise(policy);
    await owner.settle(0, wrong);
    expect(owner.told).toEqual([{ failed: wrong }]);
    expect(policy).not.toHaveBeenCalled();
    await turn();
    expect(owner.dials).toHaveLength(1);
  });

  test("and takes it up again when started again", async () => {
    const { owner, supervisor } = supervise(noRetry());
    await owner.settle(0, refused);
    supervisor.start();
    await owner.settle(1, new FakeLife());
    expect(owner.told).toEqual([{ failed: refused }, "up"]);
    supervisor.stop();
  });
});

describe("stopped", () => {
  test("while it dials, it aborts the attempt and destroys what comes of it", async () => {
    const { owner, supervisor } = supervise(noRetry());
    supervisor.stop();
    expect(owner.dials[0]?.signal.aborted).toBe(true);
    const life = new FakeLife();
    await owner.settle(0, life);
    expect(life.destroyedWith).toBeInstanceOf(ConnectionError);
    expect(owner.told).toEqual([]);
  });

  test("while it waits, it dials no more", async () => {
    using resources = watchResources();
    const { owner, supervisor } = supervise(constantDelay({ delay: 60_000 }));
    await owner.settle(0, refused);
    expect(resources.alive).toHaveLength(1);
    supervisor.stop();
    await resources.expectNone();
    expect(owner.dials).toHaveLength(1);
  });

  test("while a connection is up, it leaves it alone and listens to it no more", async () => {
    const { owner, supervisor } = supervise(noRetry());
    const life = new FakeLife();
    await owner.settle(0, life);
    expect(life.listeners).toBe(1);
    supervisor.stop();
    expect(life.destroyedWith).toBeNull();
    expect(life.listeners).toBe(0);
    await turn();
    expect(owner.told).toEqual(["up"]);
  });
});

describe("a supervisor whose policy or owner misbehaves", () => {
  test("waits as long as a timer can, where the policy asks for longer", async () => {
    for (const wait of [2 ** 31, Number.POSITIVE_INFINITY]) {
      const { owner, supervisor } = supervise(() => wait);
      await owner.settle(0, refused);
      expect(owner.told).toEqual([{ down: refused, wait: 2 ** 31 - 1 }]);
      expect(owner.dials).toHaveLength(1);
      supervisor.stop();
    }
  });

  test("gives up where the policy answers with no wait at all", async () => {
    for (const answer of [Number.NaN, -1, undefined as never, "5" as never]) {
      const { owner } = supervise(() => answer);
      await owner.settle(0, refused);
      expect(owner.told).toEqual([{ failed: expect.any(ArgumentError) }]);
    }
  });

  test("ends a connection that its owner could not take", async () => {
    const { owner, supervisor } = supervise(noRetry());
    const broken = new Error("cannot take it");
    owner.up = () => {
      throw broken;
    };
    const life = new FakeLife();
    await owner.settle(0, life);
    expect(life.destroyedWith).toBe(broken);
    expect(owner.told).toEqual([{ failed: broken }]);
    supervisor.stop();
  });
});

describe("a connection that is needed", () => {
  test("is dialled at once, where the last attempt is a second old", async () => {
    using _ = stopClock();
    const { owner, supervisor } = supervise(constantDelay({ delay: 60_000 }));
    await owner.settle(0, refused);
    await vi.advanceTimersByTimeAsync(999);
    supervisor.wake();
    await vi.advanceTimersByTimeAsync(0);
    expect(owner.dials).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    supervisor.wake();
    await vi.advanceTimersByTimeAsync(0);
    expect(owner.dials).toHaveLength(2);
    supervisor.stop();
  });

  test("is dialled no later than the policy says, and earlier where less spacing is asked for", async () => {
    using _ = stopClock();
    const { owner, supervisor } = supervise(constantDelay({ delay: 500 }));
    await owner.settle(0, refused);
    supervisor.wake(0);
    await vi.advanceTimersByTimeAsync(0);
    expect(owner.dials).toHaveLength(2);
    await owner.settle(1, refused);
    await vi.advanceTimersByTimeAsync(499);
    expect(owner.dials).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1);
    expect(owner.dials).toHaveLength(3);
    supervisor.stop();
  });
});

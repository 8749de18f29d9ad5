import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Watchdog } from "../../../src/core/watchdog.ts";

let deadline: number | null = null;
let expiries: number[] = [];
let watchdog: Watchdog;
let onExpiry: () => void;

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ["setTimeout", "clearTimeout", "setImmediate", "clearImmediate", "performance"],
  });
  deadline = null;
  expiries = [];
  onExpiry = () => {
    deadline = null;
  };
  watchdog = new Watchdog(
    () => deadline,
    () => {
      expiries.push(performance.now());
      onExpiry();
    },
  );
});

afterEach(() => {
  watchdog.stop();
  vi.useRealTimers();
});

const inMs = (ms: number) => performance.now() + ms;

describe("a watchdog", () => {
  test("sets no timer where there is no deadline", () => {
    watchdog.arm();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("barks once, at the deadline and not before", () => {
    deadline = inMs(100);
    watchdog.arm();
    vi.advanceTimersByTime(99);
    expect(expiries).toEqual([]);
    vi.advanceTimersByTime(3);
    expect(expiries).toHaveLength(1);
    vi.advanceTimersByTime(1000);
    expect(expiries).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("looks again when the deadline moved on, with a single timer", () => {
    deadline = inMs(100);
    watchdog.arm();
    for (let i = 0; i < 50; i++) {
      vi.advanceTimersByTime(20);
      deadline = inMs(100);
      watchdog.arm();
      expect(vi.getTimerCount()).toBe(1);
    }
    expect(expiries).toEqual([]);
    vi.advanceTimersByTime(110);
    expect(expiries).toHaveLength(1);
  });

  test("looks earlier when the deadline moved nearer", () => {
    deadline = inMs(1000);
    watchdog.arm();
    deadline = inMs(10);
    watchdog.arm();
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(12);
    expect(expiries).toHaveLength(1);
  });

  test("sleeps when the deadline was taken back, and wakes when armed again", () => {
    deadline = inMs(10);
    watchdog.arm();
    deadline = null;
    vi.advanceTimersByTime(50);
    expect([expiries.length, vi.getTimerCount()]).toEqual([0, 0]);
    deadline = inMs(10);
    watchdog.arm();
    vi.advanceTimersByTime(12);
    expect(expiries).toHaveLength(1);
  });

  test("lets what has arrived speak first: a deadline that moves before it is judged has not passed", () => {
    deadline = inMs(10);
    watchdog.arm();
    // The timer of a loop that was blocked; what was received meanwhile is read before the judgement.
    setTimeout(() => {
      deadline = inMs(10);
    }, 10);
    vi.advanceTimersByTime(15);
    expect(expiries).toEqual([]);
    vi.advanceTimersByTime(10);
    expect(expiries).toHaveLength(1);
  });

  test("barks again for the next deadline", () => {
    onExpiry = () => {
      deadline = inMs(100);
    };
    deadline = inMs(100);
    watchdog.arm();
    vi.advanceTimersByTime(350);
    expect(expiries).toHaveLength(3);
  });

  test("barks at once for a deadline that has already passed", () => {
    deadline = inMs(-5);
    watchdog.arm();
    expect(expiries).toEqual([]);
    vi.advanceTimersByTime(3);
    expect(expiries).toHaveLength(1);
  });

  test("that is stopped is silent and leaves no timer", () => {
    deadline = inMs(10);
    watchdog.arm();
    watchdog.stop();
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(100);
    expect(expiries).toEqual([]);
  });

  test("that is stopped between its timer and the judgement is silent", () => {
    deadline = inMs(10);
    watchdog.arm();
    setTimeout(() => watchdog.stop(), 10);
    vi.advanceTimersByTime(100);
    expect([expiries.length, vi.getTimerCount()]).toEqual([0, 0]);
  });

  test("may be stopped by its own bark", () => {
    onExpiry = () => {
      deadline = null;
      watchdog.stop();
    };
    deadline = inMs(10);
    watchdog.arm();
    vi.advanceTimersByTime(100);
    expect([expiries.length, vi.getTimerCount()]).toEqual([1, 0]);
  });
});

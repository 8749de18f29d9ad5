import { describe, expect, test } from "vitest";
import { afterReading, nextTurn } from "../../../src/core/turns.ts";
import { eventually } from "../../support/eventually.ts";

/** Notes the turns of the event loop that have begun. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe("the next turn", () => {
  test("comes after what is at work, once", async () => {
    const heard: string[] = [];
    nextTurn(() => heard.push("turn"));
    queueMicrotask(() => heard.push("microtask"));
    heard.push("now");
    await turns(3);
    expect(heard).toEqual(["now", "microtask", "turn"]);
  });

  test("can be called off", async () => {
    const heard: string[] = [];
    nextTurn(() => heard.push("turn"))();
    await turns(3);
    expect(heard).toEqual([]);
  });

  test("comes where the global functions are missing, too", async () => {
    const { setImmediate: set, clearImmediate: clear } = globalThis;
    const heard: string[] = [];
    let callOff = (): void => {};
    Object.assign(globalThis, { setImmediate: undefined, clearImmediate: undefined });
    try {
      nextTurn(() => heard.push("kept"));
      callOff = nextTurn(() => heard.push("called off"));
      callOff();
    } finally {
      Object.assign(globalThis, { setImmediate: set, clearImmediate: clear });
    }
    await eventually(() => expect(heard).toEqual(["kept"]));
  });
});

describe("after reading", () => {
  test("comes two turns later", async () => {
    const heard: string[] = [];
    nextTurn(() => heard.push("one turn"));
    afterReading(() => heard.push("read"));
    await turns(1);
    expect(heard).toEqual(["one turn"]);
    await turns(2);
    expect(heard).toEqual(["one turn", "read"]);
  });

  test.each([0, 1])("can be called off after %i turns", async (passed) => {
    const heard: string[] = [];
    const callOff = afterReading(() => heard.push("read"));
    await turns(passed);
    callOff();
    await turns(4);
    expect(heard).toEqual([]);
  });
});

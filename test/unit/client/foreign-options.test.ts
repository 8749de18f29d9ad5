import { describe, expect, test } from "vitest";
import { foreignOptions } from "../../../src/client/foreign-options.ts";
import { ArgumentError } from "../../../src/errors.ts";
import { Redis, RedisCluster } from "../../../src/index.ts";

/** Whether a client or a consumer of it knows an option: others are refused by name. */
function isKnown(name: string): boolean {
  const tries = [
    () => new Redis("redis://localhost", { [name]: undefined }),
    () => new RedisCluster("redis://localhost", { [name]: undefined }),
  ];
  return tries.some((attempt) => {
    try {
      void attempt().close();
      return true;
    } catch (error) {
      return !(error instanceof ArgumentError && error.message.includes(`no option "${name}"`));
    }
  });
}

describe("an option of another client", () => {
  test.each(Object.entries(foreignOptions))("%s is refused, with what there is instead", (name, advice) => {
    expect(isKnown(name)).toBe(false);
    expect(advice).toMatch(/^[A-Z].*[^ ]$/);
    for (const make of [() => new Redis({ [name]: 1 }), () => new RedisCluster("redis://h", { [name]: 1 })]) {
      expect(make).toThrow(advice);
    }
  });

  const replaced = Object.entries(foreignOptions).flatMap(([name, advice]) => {
    const own = /Here (?:it is|they are) "(\w+)/.exec(advice)?.[1];
    return own === undefined ? [] : [[name, own] as const];
  });

  test.each(replaced)("%s is called %s here, which is an option", (_name, own) => {
    expect(isKnown(own)).toBe(true);
  });
});

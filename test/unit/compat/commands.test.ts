import { expect, test, vi } from "vitest";
import { addMethods, argumentsOf, fieldsOf, run, unsupported } from "../../../src/compat/commands.ts";
import type { AnyClient } from "../../../src/compat/group.ts";

test("arguments are flattened as other clients take them", () => {
  expect(argumentsOf(["key", 1, ["a", ["b"]], { field: "value" }, new Map([["x", 2]])])).toEqual([
    "key",
    1,
    "a",
    "b",
    "field",
    "value",
    "x",
    2,
  ]);
  expect(argumentsOf([true, 10n, new Uint8Array([1]), new Date(5)])).toEqual(["true", "10", Buffer.from([1]), "5"]);
  expect(() => argumentsOf([undefined])).toThrow("not undefined");
  expect(() => argumentsOf([null])).toThrow("not null");
});

test("replies have the shapes of RESP2", async () => {
  const reply = new Map<never, never>([["a", new Set([true, false])] as never]);
  const client = { call: async () => reply } as unknown as AnyClient;
  expect(await run(client, "any", [], true)).toEqual(["a", [1, 0]]);
  expect(fieldsOf(["a", "1", "__proto__", "2"])).toEqual(
    Object.fromEntries([
      ["a", "1"],
      ["__proto__", "2"],
    ]),
  );
});

test("questions about subscribers are asked of the client, which asks all nodes", async () => {
  const client = {
    pubsubNumsub: vi.fn(async () => new Map([["a", 2]])),
    pubsubChannels: vi.fn(async () => [Buffer.from("b")]),
    pubsubNumpat: async () => 3,
    call: vi.fn(async () => "help"),
  };
  const ask = (...args: string[]) => run(client as unknown as AnyClient, "pubsub", args, true);
  expect(await ask("numsub", "a", "none")).toEqual(["a", 2, "none", 0]);
  expect(await ask("channels", "b*")).toEqual(["b"]);
  expect(client.pubsubChannels).toHaveBeenCalledWith("b*");
  expect(await ask("numpat")).toBe(3);
  expect(await ask("help")).toBe("help");
});

test("methods are added that a class has not, and those that are not supported say so", () => {
  class Face {
    own(): string {
      return "own";
    }
  }
  addMethods(Face.prototype, ["own", "other"], (name) => unsupported("face", name, "Go another way."));
  const face = new Face() as Face & { other(): void };
  expect(face.own()).toBe("own");
  expect(() => face.other()).toThrow("face has no other(). Go another way.");
});

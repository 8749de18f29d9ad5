import { expect, test } from "vitest";
import { Channels } from "../../../src/socket.io/channels.ts";

test("channels of one namespace are apart from each other and from those of another", () => {
  const [root, admin] = [new Channels("socket.io", "/"), new Channels("socket.io", "/admin")];
  const names = [root, admin].flatMap((channels) => [
    channels.all,
    channels.server("uid"),
    channels.room("uid"),
    channels.room("server#uid#"),
  ]);
  expect(new Set(names).size).toBe(names.length);
});

test("a very long room has a channel of bounded length, which is its own", () => {
  const channels = new Channels("socket.io", "/");
  const [one, other] = ["a", "b"].map((end) => channels.room("r".repeat(10_000) + end));
  expect(one?.length).toBeLessThan(300);
  expect(one).not.toBe(other);
});

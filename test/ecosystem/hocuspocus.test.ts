import { Redis as RedisExtension } from "@hocuspocus/extension-redis";
import { Hocuspocus } from "@hocuspocus/server";
import { Redis } from "tidings";
import { asIoredis } from "tidings/compat";
import { expect, test } from "vitest";
import { startServer } from "../support/redis-server.ts";
import { eventually } from "./fixtures.ts";

test("Hocuspocus keeps the documents of two instances in step", async () => {
  await using server = await startServer();
  await using client = new Redis(`redis://127.0.0.1:${server.port}`);
  const instance = () =>
    new Hocuspocus({ quiet: true, extensions: [new RedisExtension({ createClient: () => asIoredis(client) })] });
  const [here, there] = [instance(), instance()];
  const one = await here.openDirectConnection("story");
  await one.transact((document) => document.getText("text").insert(0, "once"));
  const other = await there.openDirectConnection("story");
  await eventually(() => expect(other.document?.getText("text").toString()).toBe("once"));
  await other.transact((document) => document.getText("text").insert(4, " upon"));
  await eventually(() => expect(one.document?.getText("text").toString()).toBe("once upon"));
  await one.disconnect();
  await other.disconnect();
});

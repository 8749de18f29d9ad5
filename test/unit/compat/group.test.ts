import { expect, test, vi } from "vitest";
import { type AnyClient, FaceGroup } from "../../../src/compat/group.ts";

function fakeClient(state = "live") {
  const sent: { resolve(count: number): void; reject(error: Error): void }[] = [];
  const client = {
    state,
    close: vi.fn(async () => {}),
    call: vi.fn(() => new Promise((resolve, reject) => sent.push({ resolve, reject }))),
  };
  return { client: client as unknown as AnyClient, close: client.close, call: client.call, sent };
}

test("faces of one client are one group, and the last one that ends closes the client that one of them owns", async () => {
  const { client, close } = fakeClient();
  const group = FaceGroup.of(client);
  expect(FaceGroup.of(client)).toBe(group);
  const [one, other] = [{}, {}];
  group.join(one, true);
  group.join(other, false);
  await group.leave(one);
  expect(close).not.toHaveBeenCalled();
  await group.leave(other);
  await group.leave(other);
  expect(close).toHaveBeenCalledTimes(1);
});

test("a client that no face owns stays open", async () => {
  const { client, close } = fakeClient();
  const group = FaceGroup.of(client);
  const face = {};
  group.join(face, false);
  await group.leave(face);
  expect(close).not.toHaveBeenCalled();
});

test("what is published is awaited, whether it succeeds or fails, but not for ever", async () => {
  const { client, sent } = fakeClient();
  const group = FaceGroup.of(client);
  await group.published(1);
  const published = [group.publish("PUBLISH", "a", "1"), group.publish("SPUBLISH", "b", "2")];
  await group.published(1);
  const settled = group.published(60_000);
  sent[0]?.resolve(1);
  sent[1]?.reject(new Error("lost"));
  await settled;
  expect(await Promise.allSettled(published)).toMatchObject([{ value: 1 }, { reason: { message: "lost" } }]);
});

test("where no connection is there, what waits is bounded; where one is, it is not", async () => {
  const waiting = fakeClient("reconnecting");
  const group = FaceGroup.of(waiting.client);
  for (let index = 0; index < 65_536; index++) void group.publish("PUBLISH", "a", "1");
  await expect(group.publish("PUBLISH", "a", "1")).rejects.toThrow("65536 messages wait for a connection already");
  const live = fakeClient("live");
  for (let index = 0; index < 65_537; index++) void FaceGroup.of(live.client).publish("PUBLISH", "a", "1");
  expect(live.call).toHaveBeenCalledTimes(65_537);
});

test("what is published after something else waits for it, and counts meanwhile", async () => {
  const { client, call, sent } = fakeClient();
  const group = FaceGroup.of(client);
  let done = (): void => {};
  const before = new Promise<void>((resolve) => {
    done = resolve;
  });
  const published = group.after(before, () => group.publish("PUBLISH", "a", "1"));
  await group.published(1);
  expect(call).not.toHaveBeenCalled();
  done();
  await vi.waitFor(() => expect(call).toHaveBeenCalledTimes(1));
  sent[0]?.resolve(4);
  expect(await published).toBe(4);
});

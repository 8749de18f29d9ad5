import { expect, test } from "vitest";
import { deadline, eventually } from "../../support/eventually.ts";
import { Stamper } from "../../support/stamper.ts";

test("a stamper notes when each message was sent for the last time, and when it was acknowledged", async () => {
  let [again, answer] = [() => {}, (_count: number) => {}];
  const sender = {
    command: () => Promise.reject(new Error("not asked")),
    commandTried: (onSend: () => void) => {
      onSend();
      again = onSend;
      return new Promise<unknown>((resolve) => {
        answer = resolve;
      });
    },
  };
  const stamper = new Stamper({ sender, channels: ["a"] });
  const round = stamper.round();
  const [entry] = stamper.published;
  const first = entry?.sentAt ?? 0;
  expect(entry).toMatchObject({ sequence: 1, acknowledgedAt: null });
  await eventually(() => expect(Date.now()).toBeGreaterThan(first));
  again();
  const second = entry?.sentAt ?? 0;
  expect(second).toBeGreaterThan(first);
  await eventually(() => expect(Date.now()).toBeGreaterThan(second));
  answer(1);
  await deadline(round, 5000, "the round");
  expect(entry?.acknowledgedAt).toBeGreaterThan(second);
});

test("a message that is refused stays unacknowledged", async () => {
  const sender = { command: () => Promise.reject(new Error("refused")) };
  const stamper = new Stamper({ sender, channels: ["a"] });
  await stamper.round();
  expect(stamper.published).toMatchObject([{ acknowledgedAt: null, receivers: null }]);
});

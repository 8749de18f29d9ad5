import { afterEach, expect, test, vi } from "vitest";
import { Reports } from "../../../../src/pubsub/delivery/reports.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A consumer and its client, with or without listeners. */
function scene() {
  const heard: string[] = [];
  const has = { consumer: true, client: false };
  const reports = new Reports({
    listens: () => has.consumer,
    emitError: ({ message }) => void heard.push(`consumer ${message}`),
    emitClientError: ({ message }) => {
      if (has.client) heard.push(`client ${message}`);
      return has.client;
    },
  });
  return { heard, has, reports };
}

afterEach(() => vi.restoreAllMocks());

test("errors go to the consumer's listeners, else to the client's", () => {
  const { heard, has, reports } = scene();
  has.client = true;
  reports.error(new Error("1"));
  has.consumer = false;
  reports.error(new Error("2"));
  expect(heard).toEqual(["consumer 1", "client 2"]);
});

test("what is only for listeners is not made where there is none", () => {
  const { heard, has, reports } = scene();
  expect(reports.tell(() => new Error("1"))).toBe(true);
  has.consumer = false;
  expect(reports.tell(() => new Error("2"))).toBe(false);
  expect(heard).toEqual(["consumer 1"]);
});

test("errors of a call's handlers are held while it registers them, and for the turn behind; others are not", async () => {
  const { heard, has, reports } = scene();
  has.consumer = false;
  const [first, second] = [reports.registration(), reports.registration()];
  first.error(new Error("1"));
  second.error(new Error("2"));
  first.end();
  first.error(new Error("3"));
  has.consumer = true;
  reports.error(new Error("4"));
  expect(heard).toEqual(["consumer 4"]);
  await turn();
  expect(heard).toEqual(["consumer 4", "consumer 1", "consumer 3"]);
  first.error(new Error("5"));
  second.end();
  await turn();
  expect(heard).toEqual(["consumer 4", "consumer 1", "consumer 3", "consumer 5", "consumer 2"]);
});

test("a warning is given once for each code", () => {
  const { reports } = scene();
  const emitWarning = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  reports.warn("TIDINGS_DROPPED", "one");
  reports.warn("TIDINGS_DROPPED", "two");
  reports.warn("TIDINGS_REFUSED", "three");
  expect(emitWarning.mock.calls).toEqual([
    ["one", { type: "TidingsWarning", code: "TIDINGS_DROPPED" }],
    ["three", { type: "TidingsWarning", code: "TIDINGS_REFUSED" }],
  ]);
});

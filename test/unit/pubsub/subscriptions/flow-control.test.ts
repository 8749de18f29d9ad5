import { expect, test } from "vitest";
import { FlowControl } from "../../../../src/pubsub/subscriptions/flow-control.ts";

/** An engine with links that note whether they are read. */
function scene({ links = 2 } = {}) {
  const told: boolean[] = [];
  const engine = {
    links: Array.from({ length: links }, () => ({
      read: true,
      onResume: () => {},
      pause() {
        this.read = false;
      },
      resume() {
        this.read = true;
        this.onResume();
      },
    })),
    closed: false,
    awaitsAnswers: false,
    paused: (paused: boolean) => void told.push(paused),
  };
  const flow = new FlowControl(engine as unknown as ConstructorParameters<typeof FlowControl>[0]);
  return { engine, flow, told };
}

test("a full consumer stops every link, and is told once; room lets them go on", () => {
  const { engine, flow, told } = scene();
  flow.pause(false);
  flow.pause(false);
  expect([flow.full, engine.links.map(({ read }) => read), told]).toEqual([true, [false, false], [true]]);
  flow.resume();
  expect([flow.full, engine.links.map(({ read }) => read), told]).toEqual([false, [true, true], [true, false]]);
});

test("while answers are awaited it reads on, but not at the hard limit", () => {
  const { engine, flow, told } = scene();
  engine.awaitsAnswers = true;
  flow.pause(false);
  expect([flow.full, told]).toEqual([false, []]);
  flow.pause(true);
  expect([flow.full, engine.links[0]?.read]).toEqual([true, false]);
  flow.pause(false);
  engine.awaitsAnswers = false;
  flow.changed();
  expect([flow.full, engine.links[0]?.read]).toEqual([true, false]);
});

test("a link that fills the consumer again as it resumes keeps the others stopped", () => {
  const { engine, flow } = scene({ links: 3 });
  flow.pause(false);
  const [first] = engine.links;
  if (first !== undefined) first.onResume = () => flow.pause(false);
  flow.resume();
  expect(engine.links.map(({ read }) => read)).toEqual([false, false, false]);
});

test("a consumer that is closed is left alone", () => {
  const { engine, flow, told } = scene();
  engine.closed = true;
  flow.pause(true);
  expect([engine.links[0]?.read, told]).toEqual([true, []]);
});

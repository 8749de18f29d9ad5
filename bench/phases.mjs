// The phases that a parent asks a subscriber for (playPhase of measure.mjs): it counts, measures, and compares with what was
// sent.

import { startMeter } from "./meter.mjs";
import { fail, on, tell } from "./parent.mjs";

/**
 * @param {object} subscriber
 * @param {import("./tally.mjs").Tally} subscriber.tally
 * @param {{ messages: number, length: number, touched: number, bytes?: number }} subscriber.sums what one reel comes to
 * @param {number} [subscriber.endBytes] bytes of the frame that ends a phase
 * @param {number} [subscriber.endings] how often the message that ends a phase is seen before the phase is over
 * @param {() => (messages: number) => object} [subscriber.measure] begins to measure; what it gives ends it
 * @param {(messages: number) => string | null} [subscriber.check] what else is wrong, or null
 */
export function onPhases({ tally, sums, endBytes = 0, endings = 1, measure = meter, check = () => null }) {
  on("phase", ({ times }) => {
    const messages = sums.messages * times;
    const expected = {
      messages,
      length: sums.length * times,
      touched: sums.touched * times,
      bytes: (sums.bytes ?? 0) * times + endBytes,
    };
    const figuresOf = measure();
    let ended = 0;
    tally.begin(expected, () => {
      ended += 1;
      if (ended !== endings) {
        return;
      }
      const figures = figuresOf(messages);
      const wrong = tally.difference() ?? check(messages);
      if (wrong === null) {
        tell({ type: "measured", figures });
      } else {
        fail(wrong);
      }
    });
    tell({ type: "armed" });
  });
}

function meter() {
  const started = startMeter();
  return (messages) => started.stop(messages);
}

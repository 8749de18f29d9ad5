// Publishes with a fixed number of promises pending: as one settles, the next is made.

/**
 * @param {(channel: string, payload: string) => Promise<unknown>} publish
 * @returns {import("./clients.mjs").Publisher}
 */
export function inFlightPublisher(publish) {
  return {
    async publishAll(messages, inFlight, channel, payloads) {
      let next = 0;
      const lane = async () => {
        while (next < messages) {
          const payload = payloads[next % payloads.length];
          next += 1;
          await publish(channel, payload);
        }
      };
      await Promise.all(Array.from({ length: inFlight }, lane));
    },
  };
}

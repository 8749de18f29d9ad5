// Time and CPU of this process, per message.

/**
 * @typedef {object} Figures
 * @property {number} cpu microseconds of user and system time per message
 * @property {number} rate messages per second
 * @property {number} memory the most resident memory so far, in MiB
 */

/** Starts measuring. */
export function startMeter() {
  const usedBefore = process.cpuUsage();
  const startedAt = process.hrtime.bigint();
  return {
    /**
     * @param {number} messages
     * @returns {Figures}
     */
    stop(messages) {
      const seconds = Number(process.hrtime.bigint() - startedAt) / 1e9;
      const { user, system } = process.cpuUsage(usedBefore);
      return {
        cpu: (user + system) / messages,
        rate: messages / seconds,
        memory: process.resourceUsage().maxRSS / 1024,
      };
    },
  };
}

import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { subscriberClients } from "../support/clients.ts";
import { eventually } from "../support/eventually.ts";
import { onEveryProtocol } from "./fixtures.ts";
import { Witness } from "./witness.ts";

/** Milliseconds for which nothing is read after the server has cut. */
const AWAY = 800;

// Row 55.
onEveryProtocol(
  "a reader that is away while the server cuts at its limit",
  (bench) => {
    test("is told of a gap that begins with what the server could not send", async () => {
      const witness = await Witness.open(bench.client(), bench.server, {
        channels: ["a"],
        padding: 32 * 1024,
        interval: 1,
        away: true,
        options: { buffer: { limit: 50, overflow: "pause" } },
      });
      // First the socket's buffers fill, then the server's own.
      await eventually(async () => expect(await subscriberClients(bench.control)).toEqual([]), { timeout: 15_000 });
      await sleep(AWAY);
      expect(witness.gaps).toEqual([]);
      witness.read();
      await witness.receives(200);
      expect(await witness.verify()).toBeGreaterThan(0);
      expect(witness.gaps).toMatchObject([{ cause: "server-overflow", channels: ["a"] }]);
    });
  },
  { config: ["client-output-buffer-limit pubsub 1mb 0 0"] },
);

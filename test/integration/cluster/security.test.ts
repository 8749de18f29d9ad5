import { ClusterError, type RedisClusterOptions, ServerError } from "tidings";
import { describe, expect, test } from "vitest";
import { certificates } from "../../support/certificates.ts";
import { clientList } from "../../support/clients.ts";
import { eventually } from "../../support/eventually.ts";
import { startFakeServer } from "../../support/fake-server.ts";
import { lacks } from "../../support/server-features.ts";
import { type ClusterFixture, onCluster, receiveMany, rejection } from "./fixtures.ts";

const shardTest = test.skipIf(lacks("shardChannels"));

const { ca, server, client: shown, strangerCa } = await certificates();
const tls = { ...server, ca: ca.cert, client: shown };

/** A host that is this machine, by a name that no certificate is for. */
const STRANGER = "stranger.test";
const lookup: RedisClusterOptions["lookup"] = (_, { all }, callback) => {
  if (all) callback(null, [{ address: "127.0.0.1", family: 4 }]);
  else callback(null, "127.0.0.1", 4);
};

/**
 * Waits until a command is refused because of the certificate. On a busy machine one may run out of time before, for
 * want of any answer; none may be carried out.
 */
async function refusedForItsName(send: () => Promise<unknown>): Promise<void> {
  await eventually(async () => {
    const error = await rejection(send());
    expect(`${error.message} ${String(error.cause)}`).toMatch(/stranger\.test.*(altnames|ALTNAME_INVALID)/);
  });
}

/** One channel of each primary. */
const oneEach = ({ cluster, primaries }: ClusterFixture): string[] =>
  primaries.flatMap((node) => cluster.channelsFor(node, 1));

onCluster(
  "a cluster over TLS",
  (bench) => {
    test("every node is spoken to over TLS, and each certificate is verified", async () => {
      const client = bench.client({ tls: { ca: ca.cert } });
      const channels = oneEach(bench);
      await using consumer = await client.shardedPubsub({ channels });
      for (const channel of channels) expect(await client.spublish(channel, "x")).toBe(1);
      expect((await receiveMany(consumer, 3)).length).toBe(3);
    });

    test("a node at an address that its certificate does not fit is refused, the others serve on", async () => {
      const [a, b] = bench.primaries;
      const [channel = ""] = bench.cluster.channelsFor(b, 1);
      const natMap = ({ host, port }: { readonly host: string; readonly port: number }) =>
        port === b.announcedPort ? { host: STRANGER, port } : { host, port };
      const client = bench.clientOf(a.url, {
        tls: { ca: ca.cert },
        lookup,
        natMap,
        commandTimeout: 2000,
        readyTimeout: 2000,
        retryPolicy: () => 50,
      });
      await refusedForItsName(() => client.spublish(channel, "confidential"));
      expect(await rejection(client.shardedPubsub({ channels: channel }).then(() => {}))).toBeInstanceOf(Error);
      expect(await client.spublish(bench.cluster.channelsFor(a, 1)[0] ?? "", "x")).toBe(0);
    });

    test("nor is it followed when a redirect leads there", async () => {
      const { cluster, primaries } = bench;
      const [a, b] = primaries;
      const slot = a.slots[0]?.[0] ?? 0;
      const [channel = ""] = cluster.channelsForSlot(slot, 1);
      let fits = true;
      const client = bench.clientOf(a.url, {
        tls: { ca: ca.cert },
        lookup,
        natMap: ({ host, port }) => ({ host: port === b.announcedPort && !fits ? STRANGER : host, port }),
        commandTimeout: 1000,
        topologyRefreshInterval: 3_600_000,
      });
      await eventually(async () => expect(await client.spublish(channel, "x")).toBe(0));
      fits = false;
      await cluster.migrateSlot(slot, b);
      await refusedForItsName(() => client.spublish(channel, "confidential"));
      fits = true;
      await cluster.migrateSlot(slot, a);
    });

    test("a node without TLS is sent no command", async () => {
      const [a, b] = bench.primaries;
      const [channel = ""] = bench.cluster.channelsFor(b, 1);
      await using plain = await startFakeServer();
      const natMap = ({ host, port }: { readonly host: string; readonly port: number }) =>
        port === b.announcedPort ? { host: plain.host, port: plain.port } : { host, port };
      const client = bench.clientOf(a.url, {
        tls: { ca: ca.cert },
        natMap,
        commandTimeout: 500,
        connectTimeout: 300,
        readyTimeout: 300,
      });
      // The other nodes may take longer to be reached than the command may.
      await eventually(async () => {
        await rejection(client.spublish(channel, "confidential"));
        expect(plain.accepted.length).toBeGreaterThan(0);
      });
      expect(plain.commands).toEqual([]);
      await client.close();
    });

    test("an authority that signed none of them: one error that names every seed", async () => {
      const client = bench.client({
        tls: { ca: strangerCa.cert },
        connectTimeout: 2000,
        readyTimeout: 2000,
        retryPolicy: () => 50,
      });
      const error = await rejection(client.connect());
      expect(error).toBeInstanceOf(ClusterError);
      for (const { announcedPort } of bench.cluster.nodes) expect(error.message).toContain(`:${announcedPort}: `);
    });
  },
  { tls, replicasPerPrimary: 0, needs: "tlsPorts" },
);

onCluster(
  "a cluster with passwords",
  (bench) => {
    shardTest("the same login opens every node", async () => {
      const client = bench.client();
      const channels = oneEach(bench);
      await using consumer = await client.shardedPubsub({ channels });
      await using classic = await client.pubsub({ channels });
      for (const channel of channels) {
        expect(await client.spublish(channel, "x")).toBe(1);
        await client.publish(channel, "y");
      }
      expect((await receiveMany(consumer, 3)).map(([, data]) => data)).toEqual(["x", "x", "x"]);
      expect((await receiveMany(classic, 3)).map(([, data]) => data)).toEqual(["y", "y", "y"]);
      expect(await client.call("SET", "key", "value")).toBe("OK");
    });

    shardTest("credentials are asked for at each connect, whichever node it is", async () => {
      let asked = 0;
      const credentials = async () => {
        asked++;
        return { username: "reader", password: "r" };
      };
      const [a] = bench.primaries;
      const client = bench.clientOf(`redis://127.0.0.1:${a.announcedPort}`, { credentials, clientName: "mine" });
      await using _consumer = await client.shardedPubsub({ channels: oneEach(bench) });
      for (const node of bench.primaries) {
        const own = (await clientList(node.control)).filter(({ ssub }) => ssub > 0);
        expect(own.map(({ user, name }) => [user, name])).toEqual([["reader", "mine"]]);
      }
      expect(asked).toBeGreaterThanOrEqual(3);
    });

    shardTest("a node that refuses the login fails the consumer, with the server's words", async () => {
      const [, b] = bench.primaries;
      await b.control.command("ACL", "SETUSER", "reader", ">other", "<r");
      const client = bench.client({ username: "reader", password: "r" });
      const error = await rejection(client.shardedPubsub({ channels: oneEach(bench) }));
      expect(error).toBeInstanceOf(ServerError);
      expect(error).toMatchObject({ code: "WRONGPASS" });
      await b.control.command("ACL", "SETUSER", "reader", ">r", "<other");
      await using consumer = await client.shardedPubsub({ channels: oneEach(bench) });
      expect(consumer.state).toBe("live");
    });

    test("no error shows the password", async () => {
      const client = bench.client({ password: "confidential" });
      const errors = await Promise.all(
        [client.connect(), client.publish("a", "x"), client.shardedPubsub(), client.pubsub()].map(rejection),
      );
      for (const error of errors)
        expect(`${error.message} ${error.stack} ${String(error.cause)}`).not.toContain("confid");
      await eventually(() => expect(client.state).toBe("failed"));
    });
  },
  {
    password: "secret",
    users: { reader: "on >r ~* &* +@all" },
    replicasPerPrimary: 0,
  },
);

describe("a login in the URL of a cluster", () => {
  test("holds for all its hosts", async () => {
    const { RedisCluster } = await import("tidings");
    await using a = await startFakeServer();
    await using b = await startFakeServer();
    const client = new RedisCluster(`redis://user:p%2Css@127.0.0.1:${a.port},127.0.0.1:${b.port}`, {
      retryPolicy: () => null,
    });
    expect(await rejection(client.connect())).toBeInstanceOf(ClusterError);
    for (const { commands } of [a, b]) {
      expect(commands[0]?.args.slice(1, 4)).toEqual(["AUTH", "user", "p,ss"]);
    }
    await client.close();
  });
});

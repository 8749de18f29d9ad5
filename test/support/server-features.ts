import { type ServerBinary, serverBinary } from "./server-binary.ts";

type Version = readonly [major: number, minor: number];

/** The first version with a feature, by program; a program that is left out has it in no version. */
interface Since {
  /** As in "this needs". */
  readonly what: string;
  readonly redis?: Version;
  readonly redict?: Version;
  readonly valkey?: Version;
}

/** Redict and Valkey began as copies of Redis 7.2. */
const ALWAYS = { redict: [7, 3], valkey: [7, 2] } as const;

/** What some servers have and others lack: the only place of the tests that knows versions. */
const FEATURES = {
  users: { what: "ACL users", redis: [6, 0], ...ALWAYS },
  channelRules: { what: "ACL rules for channels", redis: [6, 2], ...ALWAYS },
  shardChannels: { what: "shard channels", redis: [7, 0], ...ALWAYS },
  debugDirective: { what: "the directive enable-debug-command", redis: [7, 0], ...ALWAYS },
  replicaMigrationDirective: { what: "the directive cluster-allow-replica-migration", redis: [7, 0], ...ALWAYS },
  shardIds: { what: "ids of shards in the file of a node", redis: [7, 2], ...ALWAYS },
  failoverWithoutWrites: { what: "failovers by hand before the first write", redis: [6, 2], ...ALWAYS },
  clientInfo: { what: "CLIENT INFO", redis: [6, 2], ...ALWAYS },
  clientProtocol: { what: "the protocol in CLIENT LIST", redis: [7, 0], ...ALWAYS },
  loadingInterval: { what: "the directive loading-process-events-interval-bytes", redis: [6, 2], ...ALWAYS },
  sourceAddresses: { what: "the directive bind-source-addr", redis: [7, 0], ...ALWAYS },
  errorStats: { what: "counts of errors and refusals in INFO", redis: [6, 2], ...ALWAYS },
  hostNames: { what: "the directive cluster-announce-hostname", redis: [7, 0], ...ALWAYS },
  tlsPorts: { what: "the directive cluster-announce-tls-port", redis: [6, 2], ...ALWAYS },
  clientSetInfo: { what: "CLIENT SETINFO", redis: [7, 2], ...ALWAYS },
  promotionDismisses: {
    what: "shard channels that a promoted replica dismisses",
    redis: [7, 4],
    redict: [7, 3],
    valkey: [8, 0],
  },
  reparentingDismisses: {
    what: "shard channels that a replica dismisses with its primary",
    redis: [7, 4],
    redict: [7, 3],
    valkey: [8, 0],
  },
  importsEndByGossip: { what: "imports of slots that end when the source gives the slot away", valkey: [8, 0] },
  atomicMigration: { what: "slots that move atomically", redis: [8, 4], valkey: [9, 0] },
} satisfies Record<string, Since>;

export type ServerFeature = keyof typeof FEATURES;

/** Whether the server that the tests run has a feature. */
export function has(feature: ServerFeature, { name, major, minor }: ServerBinary = serverBinary()): boolean {
  const since: Since = FEATURES[feature];
  const first = since[name];
  return first !== undefined && (major > first[0] || (major === first[0] && minor >= first[1]));
}

const told = new Set<ServerFeature>();

/** For `describe.skipIf` and `test.skipIf`: whether the server lacks a feature. The reason is printed once per file. */
export function lacks(feature: ServerFeature): boolean {
  if (has(feature)) return false;
  if (!told.has(feature)) {
    const { name, version } = serverBinary();
    console.log(`skipped on ${name} ${version}: what needs ${FEATURES[feature].what}`);
    told.add(feature);
  }
  return true;
}

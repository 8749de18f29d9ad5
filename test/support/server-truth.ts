import { subscriberClients } from "./clients.ts";
import type { ControlClient } from "./control-client.ts";
import { type EventuallyOptions, eventually } from "./eventually.ts";
import { type Name, nameKey } from "./name-key.ts";
import type { RespValue } from "./resp-reader.ts";

/** A server that can be asked. */
export interface Asked {
  readonly control: ControlClient;
  /** Whether it runs and is not frozen. Default `true`. */
  readonly answers?: boolean | undefined;
}

/** The subscriptions that servers should know, and no others. */
export interface WantedSubscriptions {
  readonly channels?: Iterable<Name> | undefined;
  readonly patterns?: Iterable<Name> | undefined;
  readonly shardChannels?: Iterable<Name> | undefined;
  /** How many connections hold each of them. Default 1. */
  readonly subscribers?: number | undefined;
}

/**
 * Waits until the servers together know exactly the wanted subscriptions, by PUBSUB and by CLIENT LIST; says at the
 * deadline what is missing and what is left over. Of several, those that are down or frozen are left out.
 */
export async function expectServerTruth(
  servers: Asked | readonly Asked[],
  wanted: WantedSubscriptions,
  options?: EventuallyOptions,
): Promise<void> {
  const all = Array.isArray(servers) ? (servers as readonly Asked[]) : [servers as Asked];
  const [channels, patterns, shardChannels] = [wanted.channels, wanted.patterns, wanted.shardChannels].map(
    (names) => new Set([...(names ?? [])].map(nameKey)),
  ) as [Set<string>, Set<string>, Set<string>];
  const subscribers = wanted.subscribers ?? 1;
  await eventually(async () => {
    const asked = all.length === 1 ? all : all.filter(({ answers = true }) => answers);
    if (asked.length === 0) throw new Error("no server answers");
    const faults = [
      ...(await comparison(asked, "", channels, subscribers)),
      ...(await comparison(asked, "SHARD", shardChannels, subscribers)),
      ...(await patternComparison(asked, patterns.size, subscribers)),
      ...(await clientComparison(
        asked,
        { sub: channels.size, psub: patterns.size, ssub: shardChannels.size },
        subscribers,
      )),
    ];
    if (faults.length > 0) throw new Error(`the server's truth is not what was wanted:\n${faults.join("\n")}`);
  }, options);
}

/** The subscribers of each name that has any, over all servers; names as latin1 of their bytes. */
async function subscribersByName(servers: readonly Asked[], kind: "" | "SHARD"): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const { control } of servers) {
    const names = await list(control, `${kind}CHANNELS`);
    if (names.length === 0) continue;
    const reply = await control.raw("PUBSUB", `${kind}NUMSUB`, ...names.filter(Buffer.isBuffer));
    const pairs = Array.isArray(reply) ? reply : [];
    for (let index = 0; index < pairs.length; index += 2) {
      const [name, count] = [pairs[index], pairs[index + 1]];
      if (!Buffer.isBuffer(name)) throw new Error("NUMSUB answers with names");
      counts.set(nameKey(name), (counts.get(nameKey(name)) ?? 0) + Number(count));
    }
  }
  return counts;
}

async function list(control: ControlClient, subcommand: string): Promise<RespValue[]> {
  const reply = await control.raw("PUBSUB", subcommand).catch((error: unknown) => {
    // Before 7.0 there are no shard channels.
    if (subcommand === "SHARDCHANNELS" && /unknown subcommand/i.test(String(error))) return [];
    throw error;
  });
  return Array.isArray(reply) ? reply : [];
}

async function comparison(
  servers: readonly Asked[],
  kind: "" | "SHARD",
  wanted: ReadonlySet<string>,
  subscribers: number,
): Promise<string[]> {
  const counts = await subscribersByName(servers, kind);
  const label = kind === "" ? "channels" : "shard channels";
  const missing = [...wanted].filter((name) => !counts.has(name));
  const extra = [...counts.keys()].filter((name) => !wanted.has(name));
  const wrong = [...counts].filter(([name, count]) => wanted.has(name) && count !== subscribers);
  return [
    some(`${label} missing`, missing),
    some(`${label} nobody wants`, extra),
    some(
      `${label} not with ${subscribers} subscriber(s)`,
      wrong.map(([name, count]) => `${name} (${count})`),
    ),
  ].filter((fault) => fault !== "");
}

/** NUMPAT counts distinct patterns on each server, so several subscribers count once or apart. */
async function patternComparison(servers: readonly Asked[], wanted: number, subscribers: number): Promise<string[]> {
  const counts = await Promise.all(servers.map(({ control }) => control.command("PUBSUB", "NUMPAT")));
  const count = counts.reduce<number>((sum, one) => sum + Number(one), 0);
  return count >= wanted && count <= wanted * subscribers ? [] : [`${count} pattern(s) rather than ${wanted}`];
}

/** The connections' own counts: a connection that should be gone shows here though its names are all wanted. */
async function clientComparison(
  servers: readonly Asked[],
  wanted: Readonly<Record<"sub" | "psub" | "ssub", number>>,
  subscribers: number,
): Promise<string[]> {
  const clients = (await Promise.all(servers.map(({ control }) => subscriberClients(control)))).flat();
  return (["sub", "psub", "ssub"] as const)
    .map((field) => ({ field, count: clients.reduce((sum, client) => sum + client[field], 0) }))
    .filter(({ field, count }) => count !== wanted[field] * subscribers)
    .map(({ field, count }) => `CLIENT LIST has ${field} ${count} in all rather than ${wanted[field] * subscribers}`);
}

function some(what: string, names: readonly string[]): string {
  if (names.length === 0) return "";
  const shown = names.slice(0, 10).map((name) => JSON.stringify(Buffer.from(name, "latin1").toString()));
  return `${names.length} ${what}: ${shown.join(", ")}${names.length > 10 ? ", …" : ""}`;
}

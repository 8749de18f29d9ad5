import { types } from "node:util";
import type { HostPort } from "../../cluster/replies.ts";
import { parseClusterUrl } from "../../connection/url.ts";
import { boolean, type Check, check, checkOptions, isIterable, milliseconds } from "../../core/checks.ts";
import { ArgumentError } from "../../errors.ts";
import type { NameForm } from "../../names.ts";
import { foreignOptions } from "../foreign-options.ts";
import {
  type ClientOptions,
  clientChecks,
  hostName,
  portNumber,
  type ResolvedOptions,
  readArguments,
  resolved,
} from "../options.ts";

/** A node from which the others are learned. */
export interface Seed {
  readonly host: string;
  /** Default 6379. */
  readonly port?: number | undefined;
}

/** From the addresses that nodes announce (`"host:port"`) to those by which they are reached from here. */
export type NatMap =
  | ReadonlyMap<string, { readonly host: string; readonly port: number }>
  | Readonly<Record<string, { readonly host: string; readonly port: number }>>
  | ((announced: { readonly host: string; readonly port: number }) => {
      readonly host: string;
      readonly port: number;
    } | null);

/** Options of {@link RedisCluster}. What they say goes before what the URL says. */
export interface RedisClusterOptions<Data = string, In = Data, Form extends NameForm = "utf8">
  extends ClientOptions<Data, In, Form> {
  /** Nodes to begin with; any that answers will do. Default: `localhost:6379`. */
  readonly seeds?: Iterable<Seed> | undefined;
  /** Consumers subscribe at replicas, at primaries only where no replica can be used. Default false. */
  readonly readFromReplicas?: boolean | undefined;
  /** For clusters behind NAT or in containers. Default: announced addresses are used as they are. */
  readonly natMap?: NatMap | undefined;
  /** Milliseconds between refreshes of the topology that nothing asks for. Default 60,000. */
  readonly topologyRefreshInterval?: number | undefined;
}

/** A cluster client's options with their defaults. */
export interface ResolvedClusterOptions extends ResolvedOptions {
  readonly seeds: readonly HostPort[];
  readonly readFromReplicas: boolean;
  readonly translate: (announced: HostPort) => HostPort;
  readonly topologyRefreshInterval: number;
}

const known: Readonly<Record<keyof RedisClusterOptions, Check>> = {
  seeds: (value) => {
    if (!isIterable(value)) throw new ArgumentError('"seeds" must be a list of { host, port }.');
    const seeds = [...value];
    if (seeds.length === 0) throw new ArgumentError('"seeds" names no node; give one at least.');
    for (const seed of seeds)
      checkOptions("A seed", seed, { host: hostName, port: portNumber }, { required: ["host"] });
  },
  readFromReplicas: boolean,
  natMap: check(
    'an object or a Map from "host:port" to { host, port }, or a function',
    (value) =>
      typeof value === "function" ||
      (types.isMap(value) && [...value.values()].every(isHostPort)) ||
      (isPlain(value) && !isIterable(value) && Object.values(value).every(isHostPort)),
  ),
  topologyRefreshInterval: milliseconds,
  ...clientChecks,
};

type Given = RedisClusterOptions<unknown, never, NameForm>;

/** Reads what `new RedisCluster()` was given: `(url)`, `(options)`, `(url, options)`. */
export function resolveClusterOptions(first: unknown, second: unknown): ResolvedClusterOptions {
  const { url, given } = readArguments("RedisCluster", first, second, parseClusterUrl);
  // A list that can be read once is read once.
  const options = { ...(given as object) } as { -readonly [Key in keyof Given]: Given[Key] };
  if (isIterable(options.seeds)) options.seeds = [...options.seeds];
  checkOptions("RedisCluster", given === undefined || isPlain(given) ? options : given, known, {
    foreign: foreignOptions,
  });
  if (url !== null && options.seeds !== undefined) throw new ArgumentError('Give a URL or "seeds", not both.');
  const seeds = [...(options.seeds ?? url?.seeds ?? [{ host: "localhost" }])];
  return {
    ...resolved(url, options, 0),
    seeds: seeds.map(({ host, port = 6379 }) => ({ host, port })),
    readFromReplicas: options.readFromReplicas ?? false,
    translate: translator(options.natMap),
    topologyRefreshInterval: options.topologyRefreshInterval ?? 60_000,
  };
}

function translator(map: NatMap | undefined): (announced: HostPort) => HostPort {
  if (map === undefined) return (announced) => announced;
  return (announced) => {
    const { host, port } = announced;
    const address = `${host}:${port}`;
    const reached =
      typeof map === "function" ? map(announced) : types.isMap(map) ? map.get(address) : Reflect.get(map, address);
    if (reached === null || reached === undefined) return announced;
    if (isHostPort(reached)) return reached;
    throw new ArgumentError(`"natMap" gave no { host, port } for ${host}:${port}.`);
  };
}

function isPlain(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isHostPort(value: unknown): value is HostPort {
  if (typeof value !== "object" || value === null) return false;
  const { host, port } = value as Partial<HostPort>;
  return typeof host === "string" && host !== "" && Number.isInteger(port) && Number(port) > 0 && Number(port) < 65_536;
}

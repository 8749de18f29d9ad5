import type { FakeCommand, FakeConnection, SubscriptionKind } from "./fake-connection.ts";
import { array, bulk, error, integer, map, simple } from "./resp-writer.ts";

/** Answers one command, or does not. */
export type FakeHandler = (command: FakeCommand, connection: FakeConnection) => void;

type Publish = (channel: string, payload: Buffer, kind: "" | "s") => number;

/** What RESP2 allows while anything is subscribed. */
const IN_SUBSCRIBED_MODE = /^([PS]?(UN)?SUBSCRIBE|PING|QUIT|RESET)$/;

/** What a fake server answers unless told otherwise: what Redis 7.2 answers, kept to what Pub/Sub clients ask. */
export function defaultHandlers(publish: Publish): ReadonlyMap<string, FakeHandler> {
  const handlers: [string, FakeHandler][] = [
    ["HELLO", hello],
    ["PING", ping],
    ["ECHO", ({ words }, connection) => connection.write(bulk(words[1] ?? null))],
    ["CLIENT", ({ args }, connection) => connection.write(/^id$/i.test(args[0] ?? "") ? integer(connection.id) : OK)],
    ["AUTH", (_, connection) => connection.write(OK)],
    ["SELECT", (_, connection) => connection.write(OK)],
    ["RESET", reset],
    ["QUIT", quit],
    ["PUBLISH", ({ words }, connection) => connection.write(integer(published(words, "")))],
    ["SPUBLISH", ({ words }, connection) => connection.write(integer(published(words, "s")))],
    ...(["", "p", "s"] as const).flatMap(subscribing),
  ];
  const published = ([, channel, payload]: readonly Buffer[], kind: "" | "s"): number =>
    publish(channel?.toString("latin1") ?? "", payload ?? Buffer.alloc(0), kind);
  return new Map(handlers.map(([name, handler]) => [name, IN_SUBSCRIBED_MODE.test(name) ? handler : refused(handler)]));
}

const OK = simple("OK");

function subscribing(kind: SubscriptionKind): [string, FakeHandler][] {
  return [
    [`${kind.toUpperCase()}SUBSCRIBE`, ({ args }, connection) => connection.subscribe(kind, args)],
    [`${kind.toUpperCase()}UNSUBSCRIBE`, ({ args }, connection) => connection.unsubscribe(kind, args)],
  ];
}

/** RESP2 has no pushes, so in subscribed mode it refuses what has an ordinary reply. */
function refused(handler: FakeHandler): FakeHandler {
  return (command, connection) => {
    if (connection.protocol === 3 || connection.subscribed === 0) handler(command, connection);
    else connection.write(error(`ERR Can't execute '${command.name.toLowerCase()}' in subscribed mode`));
  };
}

function hello({ args }: FakeCommand, connection: FakeConnection): void {
  const version = args[0];
  if (version !== undefined && version !== "2" && version !== "3") {
    connection.write(error("NOPROTO unsupported protocol version"));
    return;
  }
  if (version !== undefined) connection.protocol = version === "3" ? 3 : 2;
  const entries = [
    ["server", bulk("redis")],
    ["version", bulk("7.2.0")],
    ["proto", integer(connection.protocol)],
    ["id", integer(connection.id)],
    ["mode", bulk("standalone")],
    ["role", bulk("master")],
    ["modules", array([])],
  ] as const;
  const frames = entries.map(([key, value]) => [bulk(key), value] as const);
  connection.write(connection.protocol === 3 ? map(frames) : array(frames.flat()));
}

function ping({ words }: FakeCommand, connection: FakeConnection): void {
  const nonce = words[1];
  if (connection.protocol === 2 && connection.subscribed > 0) connection.push(["pong", nonce ?? ""]);
  else connection.write(nonce === undefined ? simple("PONG") : bulk(nonce));
}

function reset(_: FakeCommand, connection: FakeConnection): void {
  for (const names of Object.values(connection.subscriptions)) names.clear();
  connection.protocol = 2;
  connection.write(simple("RESET"));
}

function quit(_: FakeCommand, connection: FakeConnection): void {
  connection.write(OK);
  connection.end();
}

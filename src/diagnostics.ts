import { type Channel, channel } from "node:diagnostics_channel";
import { type DebugLogger, debuglog } from "node:util";

/**
 * What can be seen through `node:diagnostics_channel`: one table of names. Nothing is computed for a channel without
 * subscribers. Messages are objects; none holds a payload or a credential.
 *
 * | name | told | with |
 * | --- | --- | --- |
 * | `tidings:message` | for each message received | `consumer`, `channel`, `pattern`, `bytes` |
 * | `tidings:refused` | a payload that the codec refused | `consumer`, `channel`, `bytes` |
 * | `tidings:gap` | messages may be missing, or are | `consumer`, `gap` |
 * | `tidings:state` | a consumer's state has changed | `consumer`, `state`, `previous` |
 * | `tidings:denied` | names that the server denies | `consumer`, `error` |
 * | `tidings:pause`, `tidings:resume` | reading has stopped, goes on | `consumer` |
 * | `tidings:close` | a consumer is closed | `consumer` |
 * | `tidings:connect` | a connection is ready | `endpoint`, `protocol` |
 * | `tidings:disconnect` | a connection has ended | `endpoint`, `reason` |
 * | `tidings:demoted` | the primary at the other end has become a replica | `endpoint` |
 */
export type DiagnosticName =
  | "tidings:message"
  | "tidings:refused"
  | "tidings:gap"
  | "tidings:state"
  | "tidings:denied"
  | "tidings:pause"
  | "tidings:resume"
  | "tidings:close"
  | "tidings:connect"
  | "tidings:disconnect"
  | "tidings:demoted";

const named = (name: DiagnosticName): Channel => channel(name);

type Event = DiagnosticName extends `tidings:${infer Name}` ? Name : never;

/** What `NODE_DEBUG=tidings` prints on stderr: connections, losses, restored subscriptions, gaps, redirects. */
export const debug: DebugLogger = debuglog("tidings");

export const diagnostics: Readonly<Record<Event, Channel>> = Object.freeze({
  message: named("tidings:message"),
  refused: named("tidings:refused"),
  gap: named("tidings:gap"),
  state: named("tidings:state"),
  denied: named("tidings:denied"),
  pause: named("tidings:pause"),
  resume: named("tidings:resume"),
  close: named("tidings:close"),
  connect: named("tidings:connect"),
  disconnect: named("tidings:disconnect"),
  demoted: named("tidings:demoted"),
});

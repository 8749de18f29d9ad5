import { type Command, type Commands, integer, NOT_AN_INTEGER, SYNTAX } from "./command.ts";
import type { Client } from "./hub.ts";
import { failed, OK, type Reply } from "./reply.ts";

/** The furthest that an expiry may be, in milliseconds. */
const FURTHEST = 2n ** 63n - 1n;

export const STRING_COMMANDS: Commands = {
  get: { args: [1, 1], run: ({ strings }, [key = ""]) => strings.get(key) },
  mget: { args: [1], run: ({ strings }, keys) => keys.map((key) => strings.get(key)) },
  set: { args: [2], run: set },
  setex: setting("setex", 1000n),
  psetex: setting("psetex", 1n),
  del: { args: [1], run: ({ strings }, keys) => keys.filter((key) => strings.delete(key)).length },
  exists: { args: [1], run: ({ strings }, keys) => keys.filter((key) => strings.get(key) !== null).length },
  incr: counting(1n),
  decr: counting(-1n),
  incrby: countingBy(1n),
  decrby: countingBy(-1n),
  expire: expiring("expire", 1000n),
  pexpire: expiring("pexpire", 1n),
  ttl: remaining((left) => Math.floor((left + 500) / 1000)),
  pttl: remaining((left) => left),
  dbsize: { args: [0, 0], run: ({ strings }) => strings.size },
  flushdb: {
    args: [0, 1],
    run({ strings }) {
      strings.clear();
      return OK;
    },
  },
  flushall: {
    args: [0, 1],
    run({ hub }) {
      for (const strings of hub.databases) strings.clear();
      return OK;
    },
  },
};

/** The moment that lies a span ahead, or what is wrong with the span. */
function ahead(text: string | undefined, unit: bigint, command: string): number | Reply {
  const span = integer(text);
  if (span === undefined) return failed(NOT_AN_INTEGER);
  const until = span * unit + BigInt(Date.now());
  if (span <= 0 || until > FURTHEST) return failed(`ERR invalid expire time in '${command}' command`);
  return Number(until);
}

function set({ strings }: Client, [key = "", value = "", ...options]: readonly string[]): Reply {
  let expiry: readonly [string | undefined, bigint] | undefined;
  const flags = new Set<string>();
  for (let at = 0; at < options.length; at++) {
    const option = options[at]?.toLowerCase() ?? "";
    if ((option === "ex" || option === "px") && at + 1 < options.length && expiry === undefined) {
      expiry = [options[++at], option === "ex" ? 1000n : 1n];
    } else if (["nx", "xx", "get", "keepttl"].includes(option)) flags.add(option);
    else return failed(SYNTAX);
  }
  if ((flags.has("nx") && flags.has("xx")) || (flags.has("keepttl") && expiry !== undefined)) return failed(SYNTAX);
  const old = strings.get(key);
  let until = flags.has("keepttl") ? (strings.until(key) ?? undefined) : undefined;
  if (expiry !== undefined) {
    const moment = ahead(...expiry, "set");
    if (typeof moment !== "number") return moment;
    until = moment;
  }
  const refused = old === null ? flags.has("xx") : flags.has("nx");
  if (!refused) strings.set(key, value, until);
  if (flags.has("get")) return old;
  return refused ? null : OK;
}

function setting(name: string, unit: bigint): Command {
  return {
    args: [3, 3],
    run({ strings }, [key = "", span, value = ""]) {
      const until = ahead(span, unit, name);
      if (typeof until !== "number") return until;
      strings.set(key, value, until);
      return OK;
    },
  };
}

function count({ strings }: Client, key: string, by: bigint): Reply {
  const old = integer(strings.get(key) ?? "0");
  if (old === undefined) return failed(NOT_AN_INTEGER);
  const value = old + by;
  if (BigInt.asIntN(64, value) !== value) return failed("ERR increment or decrement would overflow");
  strings.set(key, String(value), strings.until(key) ?? undefined);
  return value;
}

function counting(by: bigint): Command {
  return { args: [1, 1], run: (connection, [key = ""]) => count(connection, key, by) };
}

function countingBy(sign: bigint): Command {
  return {
    args: [2, 2],
    run(connection, [key = "", text]) {
      const by = integer(text);
      return by === undefined ? failed(NOT_AN_INTEGER) : count(connection, key, sign * by);
    },
  };
}

/** A span that is not positive deletes the key at once. */
function expiring(name: string, unit: bigint): Command {
  return {
    args: [2, 2],
    run({ strings }, [key = "", text]) {
      const span = integer(text);
      if (span === undefined) return failed(NOT_AN_INTEGER);
      const until = span * unit + BigInt(Date.now());
      if (BigInt.asIntN(64, until) !== until || BigInt.asIntN(64, span * unit) !== span * unit) {
        return failed(`ERR invalid expire time in '${name}' command`);
      }
      const value = strings.get(key);
      if (value === null) return 0;
      strings.set(key, value, Number(until));
      return 1;
    },
  };
}

function remaining(unit: (left: number) => number): Command {
  return {
    args: [1, 1],
    run({ strings }, [key = ""]) {
      const until = strings.until(key);
      if (until === null) return -2;
      return until === undefined ? -1 : unit(until - Date.now());
    },
  };
}

import type { Word } from "../../support/resp-writer.ts";

/** Commands in their order, on one connection, unless a step begins with `other`: then on a second one. */
export type Step = readonly Word[] | { readonly other: readonly Word[] };

const other = (...words: Word[]): Step => ({ other: words });
const each = (...lines: string[]): Step[] => lines.map((line) => line.split(" "));

/** What the testing server must answer byte for byte as a real server does. */
export const SEQUENCES: Readonly<Record<string, readonly Step[]>> = {
  "PING and ECHO": [...each("PING", "ping hi", "PING a b", "ECHO x", "ECHO", "ECHO a b"), ["ECHO", ""], ["PING", ""]],
  "bytes that are no UTF-8": [
    ["ECHO", Buffer.from([0, 255, 13, 10, 128])],
    ["SET", Buffer.from([255]), Buffer.from([254, 0])],
    ["GET", Buffer.from([255])],
  ],
  HELLO: [
    ...each("HELLO 4", "HELLO 1", "HELLO x", "HELLO 2 SETNAME", "HELLO 3 SETNAME me", "CLIENT GETNAME", "HELLO 3 BAD"),
    ["HELLO", "3", "SETNAME", "a b"],
    ...each("HELLO 3 AUTH default wrong", "HELLO 3 AUTH nobody x", "HELLO 3 AUTH default"),
  ],
  AUTH: each("AUTH", "AUTH x", "AUTH default x", "AUTH nobody x", "AUTH a b c"),
  RESET: each("SUBSCRIBE a", "RESET", "GET x", "PUBSUB CHANNELS a", "RESET now"),
  SELECT: each("SELECT 1", "SET k 1", "SELECT 0", "GET k", "SELECT 16", "SELECT -1", "SELECT x", "SELECT"),
  ROLE: each("ROLE", "ROLE x", "TIME x"),
  "names of clients": [
    ...each("CLIENT GETNAME", "CLIENT SETNAME one", "CLIENT GETNAME", "CLIENT SETNAME", "CLIENT GETNAME x"),
    ["CLIENT", "SETNAME", "a b"],
    ["CLIENT", "SETNAME", ""],
    ["CLIENT", "GETNAME"],
  ],
  CLIENT: each(
    "CLIENT",
    "CLIENT NOPE",
    "CLIENT ID x",
    "CLIENT NO-EVICT on",
    "CLIENT NO-EVICT maybe",
    "CLIENT NO-EVICT",
  ),
  "CLIENT KILL": each(
    "CLIENT KILL",
    "CLIENT KILL 1.2.3.4:5",
    "CLIENT KILL ID x",
    "CLIENT KILL ID 0",
    "CLIENT KILL ID 999999",
    "CLIENT KILL TYPE nope",
    "CLIENT KILL USER nobody",
    "CLIENT KILL NOPE x",
    "CLIENT KILL ID 1 TYPE",
    "CLIENT KILL SKIPME maybe",
    "CLIENT KILL TYPE pubsub",
  ),
  "CLIENT LIST": each("CLIENT LIST TYPE nope", "CLIENT LIST ID x", "CLIENT LIST ID 999999", "CLIENT LIST BAD"),
  "SUBSCRIBE and UNSUBSCRIBE": [
    ...each("SUBSCRIBE a b a", "PSUBSCRIBE p* a", "UNSUBSCRIBE b c", "SUBSCRIBE", "UNSUBSCRIBE", "UNSUBSCRIBE"),
    ...each("PUNSUBSCRIBE p*", "PUNSUBSCRIBE", "PUNSUBSCRIBE", "PING"),
  ],
  "UNSUBSCRIBE of nothing": each("UNSUBSCRIBE", "PUNSUBSCRIBE", "UNSUBSCRIBE a", "SET k v"),
  "shard channels": [
    ...each("SSUBSCRIBE s t", "SUBSCRIBE a"),
    other("SPUBLISH", "s", "one"),
    other("PUBLISH", "s", "no"),
    ...each("SUNSUBSCRIBE t", "SUNSUBSCRIBE", "SUNSUBSCRIBE", "SSUBSCRIBE"),
  ],
  "a subscriber in RESP2 may do little else": [
    ...each("SUBSCRIBE a", "GET k", "CLIENT ID x", "PING", "PING hi", "ECHO x", "PUBLISH a x", "HELLO 3"),
    ...each("UNSUBSCRIBE", "PING", "PSUBSCRIBE p", "CLIENT GETNAME", "PUBSUB NUMPAT", "PUNSUBSCRIBE", "CLIENT GETNAME"),
  ],
  "a shard subscriber in RESP2": each("SSUBSCRIBE a", "GET k", "PING", "SUNSUBSCRIBE", "GET k"),
  messages: [
    ...each("SUBSCRIBE a b", "PSUBSCRIBE a* ?"),
    other("PUBLISH", "a", "one"),
    other("PUBLISH", "b", ""),
    other("PUBLISH", "ab", Buffer.from([0, 255])),
    other("PUBLISH", "none", "x"),
    other("PUBLISH", "a"),
    ["PING"],
  ],
  patterns: [
    ["PSUBSCRIBE", "h[ae]llo", "h[^e]llo", "h[a-c]x", "h[c-a]x", "\\*", "[\\]]", "x[", "[^", "[]", "a\\", "**b", "?*?"],
    ...["hello", "hallo", "hbx", "*", "]", "x", "x[", "[", "a", "a\\", "aab", "b", "xyz", ""].map((name) =>
      other("PUBLISH", name, "m"),
    ),
    ["PSUBSCRIBE", Buffer.from([0x5b, 0xfe, 0x2d, 0xff, 0x5d])],
    other("PUBLISH", Buffer.from([0xff]), "m"),
    other("PUBLISH", Buffer.from([0xfd]), "m"),
    other("PUBLISH", "é", "two bytes"),
  ],
  PUBSUB: [
    ...each("SUBSCRIBE c1", "PSUBSCRIBE p1 p2", "SSUBSCRIBE s1"),
    ...["CHANNELS", "CHANNELS c*", "CHANNELS x*", "CHANNELS a b", "NUMSUB c1 x", "NUMSUB", "NUMPAT", "NUMPAT x"].map(
      (line) => other("PUBSUB", ...line.split(" ")),
    ),
    ...["SHARDCHANNELS", "SHARDCHANNELS x", "SHARDNUMSUB s1 x", "SHARDNUMSUB", "NOPE"].map((line) =>
      other("PUBSUB", ...line.split(" ")),
    ),
    other("PUBSUB"),
  ],
  "SET and GET": [
    ...each(
      "GET k",
      "SET k v",
      "GET k",
      "SET k w NX",
      "SET k w XX",
      "GET k",
      "SET n v XX",
      "SET n v NX",
      "SET k x GET",
    ),
    ...each("SET new x GET", "SET k x NX GET", "SET k x NX XX", "SET k x EX", "SET k x EX 0", "SET k x EX -1"),
    ...each("SET k x EX x", "SET k x PX 5 EX 5", "SET k x KEEPTTL EX 5", "SET k x BAD", "SET k", "GET", "GET a b"),
    ["SET", "", ""],
    ["GET", ""],
  ],
  expiry: [
    ...each(
      "SET k v EX 100",
      "TTL k",
      "SET k w KEEPTTL",
      "TTL k",
      "SET k w",
      "TTL k",
      "PTTL k",
      "TTL none",
      "PTTL none",
    ),
    ...each("SETEX k 50 v", "TTL k", "SETEX k 0 v", "SETEX k x v", "SETEX k", "PSETEX k 0 v", "EXPIRE k 20", "TTL k"),
    ...each("EXPIRE none 20", "EXPIRE k x", "EXPIRE k 9223372036854775807", "EXPIRE k -1", "GET k", "SET k v"),
    ...each("PEXPIRE k 100000", "TTL k", "PEXPIRE k 0", "EXISTS k", "SET k v EX 9223372036854775807"),
  ],
  counting: [
    ...each(
      "INCR n",
      "INCR n",
      "DECR n",
      "INCRBY n 10",
      "DECRBY n 3",
      "GET n",
      "INCRBY n x",
      "INCRBY n",
      "SET n x",
      "INCR n",
    ),
    ...each("SET n 9223372036854775807", "INCR n", "SET n -9223372036854775808", "DECR n", "INCRBY n 1"),
    ...each("SET n 01", "INCR n", "SET n 5 EX 100", "INCR n", "TTL n"),
    ["SET", "n", " 1"],
    ["INCR", "n"],
  ],
  "several keys": each(
    "SET a 1",
    "SET b 2",
    "MGET a none b",
    "EXISTS a a none",
    "DEL a none b",
    "DEL",
    "MGET",
    "DBSIZE",
  ),
  FLUSHDB: each("SET a 1", "FLUSHDB", "GET a", "FLUSHALL", "DBSIZE x"),
  "wrong arity": each("PUBLISH", "SPUBLISH a", "PSUBSCRIBE", "INCR", "TTL"),
};

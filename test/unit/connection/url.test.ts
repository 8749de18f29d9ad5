import { describe, expect, test } from "vitest";
import { type ParsedUrl, parseClusterUrl, parseUrl } from "../../../src/connection/url.ts";
import { ArgumentError } from "../../../src/errors.ts";

const nothing = {
  tls: false,
  username: undefined,
  password: undefined,
  db: undefined,
  family: undefined,
  protocol: undefined,
} as const;
const at = (host: string, port = 6379): Pick<ParsedUrl, "endpoint"> => ({ endpoint: { host, port } });

/** What `parseUrl` throws. */
function refusal(url: string): Error {
  try {
    parseUrl(url);
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error("the URL was accepted");
}

describe("a URL is read in each of its forms", () => {
  test.each<[string, ParsedUrl]>([
    ["redis://localhost", { ...nothing, ...at("localhost") }],
    ["redis://localhost/", { ...nothing, ...at("localhost") }],
    ["redis://", { ...nothing, ...at("localhost") }],
    ["REDIS://example.org:7000", { ...nothing, ...at("example.org", 7000) }],
    ["valkey://example.org:7000", { ...nothing, ...at("example.org", 7000) }],
    ["rediss://example.org", { ...nothing, ...at("example.org"), tls: true }],
    ["valkeys://example.org:6380", { ...nothing, ...at("example.org", 6380), tls: true }],
    ["redis://127.0.0.1:1", { ...nothing, ...at("127.0.0.1", 1) }],
    ["redis://[::1]", { ...nothing, ...at("::1") }],
    ["redis://[2001:db8::7]:7000/3", { ...nothing, ...at("2001:db8::7", 7000), db: 3 }],
    ["redis://localhost/0", { ...nothing, ...at("localhost"), db: 0 }],
    ["redis://localhost:6379/15", { ...nothing, ...at("localhost"), db: 15 }],
    ["redis://ann:secret@localhost", { ...nothing, ...at("localhost"), username: "ann", password: "secret" }],
    ["redis://:secret@localhost/2", { ...nothing, ...at("localhost"), password: "secret", db: 2 }],
    ["redis://ann:@localhost", { ...nothing, ...at("localhost"), username: "ann", password: "" }],
    ["redis://:@localhost", { ...nothing, ...at("localhost") }],
    ["redis://localhost?db=4", { ...nothing, ...at("localhost"), db: 4 }],
    ["redis://localhost/3?db=4", { ...nothing, ...at("localhost"), db: 3 }],
    ["redis://localhost?family=0", { ...nothing, ...at("localhost"), family: 0 }],
    [
      "rediss://localhost/1?family=6&protocol=2",
      { ...nothing, ...at("localhost"), tls: true, db: 1, family: 6, protocol: 2 },
    ],
    ["redis://localhost?tls=true", { ...nothing, ...at("localhost"), tls: true }],
    ["redis://localhost?ssl=false", { ...nothing, ...at("localhost") }],
    ["redis://ann@localhost", { ...nothing, ...at("localhost"), username: "ann" }],
    [
      "redis://a%40b:p%3A%2F%3F%23%5B%5D%40%25@localhost",
      { ...nothing, ...at("localhost"), username: "a@b", password: "p:/?#[]@%" },
    ],
    ["redis://%C3%A9:%E2%82%AC@localhost", { ...nothing, ...at("localhost"), username: "é", password: "€" }],
    ["redis://ann:p@ss@localhost", { ...nothing, ...at("localhost"), username: "ann", password: "p@ss" }],
    ["redis://ann:a:b@localhost", { ...nothing, ...at("localhost"), username: "ann", password: "a:b" }],
    ["unix:///run/redis.sock", { ...nothing, endpoint: { path: "/run/redis.sock" } }],
    ["unix:///run/redis.sock?db=4", { ...nothing, endpoint: { path: "/run/redis.sock" }, db: 4 }],
    ["unix:///run/my%20redis.sock", { ...nothing, endpoint: { path: "/run/my redis.sock" } }],
  ])("%s", (url, parsed) => {
    expect(parseUrl(url)).toEqual(parsed);
  });

  test("a unix socket's URL carries user and password", () => {
    expect(parseUrl("unix://ann:p%40ss@/run/redis.sock?db=1")).toEqual({
      ...nothing,
      endpoint: { path: "/run/redis.sock" },
      tls: false,
      username: "ann",
      password: "p@ss",
      db: 1,
    });
  });

  test("a unix socket's URL carries a password alone", () => {
    expect(parseUrl("unix://:secret@/run/redis.sock")).toMatchObject({ username: undefined, password: "secret" });
  });
});

describe("what is unknown is refused by its name", () => {
  test.each(["http", "redis+tls", "rediss2", "tcp", "constructor"])("the scheme %s", (scheme) => {
    const error = refusal(`${scheme}://ann:hunter2@localhost`);
    expect(error).toBeInstanceOf(ArgumentError);
    expect(error.message).toContain(`"${scheme}"`);
    expect(error.message).toContain("rediss://");
  });

  test.each(["redis://localhost?timeout=6", "rediss://localhost/1?timeout=6&db=2", "unix:///run/s?db=1&timeout=6"])(
    "a parameter, with those that are known: %s",
    (url) => {
      const error = refusal(url);
      expect(error).toBeInstanceOf(ArgumentError);
      expect(error.message).toMatch(/"timeout".*"db"/);
      expect(error.message).not.toContain("6");
    },
  );

  test("a parameter that says nothing of a unix socket", () => {
    expect(refusal("unix:///run/s?family=4").message).toContain('"family"');
  });
});

describe("what cannot be read is refused, and says how to write it", () => {
  test.each([
    "",
    "localhost:6379",
    "//localhost",
    "redis://local host",
    "redis://localhost:port",
    "redis://localhost:70000",
    "redis://localhost:-1",
    "redis://localhost/one",
    "redis://localhost?db=one",
    "redis://localhost?family=5",
    "redis://localhost?family=IPv6",
    "redis://localhost?protocol=4",
    "redis://localhost?tls=maybe",
    "rediss://localhost?ssl=false",
    "redis://localhost/-1",
    "redis://localhost/1.5",
    "redis://localhost/1/2",
    "redis://localhost/9999999999",
    "redis://localhost/1#2",
    "redis://ann:%zz@localhost",
    "redis://%ff:secret@localhost",
    "unix://",
    "unix:///",
    "unix://relative/path",
    "unix:///run/redis.sock?db=one",
    "unix:///run/%zz",
  ])("%s", (url) => {
    expect(refusal(url)).toBeInstanceOf(ArgumentError);
  });
});

describe("no error shows a password that the URL holds", () => {
  test.each([
    "redis://ann:hunter2@local host",
    "redis://ann:hunter2@localhost:port",
    "redis://ann:hunter2@localhost/one",
    "redis://ann:hunter2@localhost?timeout=6",
    "redis://ann:hunter2@localhost#fragment",
    "redis://ann:hunter2%zz@localhost",
    "http://ann:hunter2@localhost",
    "ann:hunter2@localhost:6379",
    ":hunter2@localhost",
    "hunter2@localhost",
    "redis://ann:hunter2#x@localhost",
    "redis://ann:x#hunter2@localhost",
    "redis://ann:x/hunter2@localhost",
    "redis://ann:1/hunter2@localhost",
    "redis://ann:1#hunter2@localhost",
    "redis://ann:x?hunter2@localhost",
    "unix://ann:hunter2@host/run/redis.sock",
    "unix://ann:hunter2@/",
    "unix:///run/redis.sock?password=hunter2",
    "redis://localhost?password=hunter2",
    "redis://localhost?family=hunter2",
    "redis://localhost?db=hunter2",
    "redis://ann:1?family=hunter2@localhost",
    "redis://ann:1?tls=hunter2@localhost",
  ])("%s", (url) => {
    const error = refusal(url);
    expect([error.message, error.stack, JSON.stringify(error)].join("\n")).not.toContain("hunter2");
    expect(error.cause).toBeUndefined();
  });

  test("a password that was not percent-encoded and looks like a parameter", () => {
    expect(refusal("redis://ann:1?hunter2@localhost").message).not.toContain("hunter2");
  });
});

describe("the URLs that services hand out", () => {
  test.each<[string, string, Partial<ParsedUrl>]>([
    [
      "Heroku",
      "rediss://:p0a1b2c3@ec2-3-4-5-6.compute-1.amazonaws.com:21290",
      { ...at("ec2-3-4-5-6.compute-1.amazonaws.com", 21290), tls: true, username: undefined, password: "p0a1b2c3" },
    ],
    [
      "Heroku, in the form of before",
      "redis://h:p0a1b2c3@ec2-3-4-5-6.compute-1.amazonaws.com:21289",
      { tls: false, username: "h", password: "p0a1b2c3" },
    ],
    [
      "Upstash",
      "rediss://default:AXabcdEFG@eu1-nice-cat-12345.upstash.io:6379",
      { ...at("eu1-nice-cat-12345.upstash.io"), tls: true, username: "default", password: "AXabcdEFG" },
    ],
    ["Render, inside", "redis://red-abcdef123:6379", { ...at("red-abcdef123"), tls: false, password: undefined }],
    [
      "Render, from outside",
      "rediss://red-abcdef123:secret@oregon-keyvalue.render.com:6379",
      { tls: true, username: "red-abcdef123", password: "secret" },
    ],
    [
      "Azure",
      "rediss://:Ab%2BcD%2FeF%3D@cache.redis.cache.windows.net:6380/0?ssl_cert_reqs=required",
      { ...at("cache.redis.cache.windows.net", 6380), tls: true, password: "Ab+cD/eF=", db: 0 },
    ],
    [
      "ElastiCache",
      "rediss://user:secret@clustercfg.name.abc123.use1.cache.amazonaws.com:6379/",
      { ...at("clustercfg.name.abc123.use1.cache.amazonaws.com"), tls: true, username: "user", db: undefined },
    ],
    [
      "Railway",
      "redis://default:secret@redis.railway.internal:6379?family=0",
      { ...at("redis.railway.internal"), username: "default", family: 0 },
    ],
  ])("%s", (_service, url, parsed) => {
    expect(parseUrl(url)).toMatchObject(parsed);
  });

  test("a certificate is checked, or the user says so in the options", () => {
    const { message } = refusal("rediss://:secret@localhost?ssl_cert_reqs=none");
    expect(message).toContain("rejectUnauthorized");
  });
});

describe("the URL of a cluster", () => {
  const seeds = (url: string): string[] => parseClusterUrl(url).seeds.map(({ host, port }) => `${host} ${port}`);

  test.each<[string, string[]]>([
    ["redis://localhost", ["localhost 6379"]],
    ["redis://", ["localhost 6379"]],
    ["redis://a:7000", ["a 7000"]],
    ["redis://a:7000,b:7001,c", ["a 7000", "b 7001", "c 6379"]],
    ["redis://a:7000,b:7001/", ["a 7000", "b 7001"]],
    ["redis://a,b/0", ["a 6379", "b 6379"]],
    ["rediss://a:7000,[::1]:7001,[2001:db8::7]", ["a 7000", "::1 7001", "2001:db8::7 6379"]],
    ["valkey://ann:p%2Cw@a:7000,b", ["a 7000", "b 6379"]],
    ["redis://ann:p,w@a:7000,b", ["a 7000", "b 6379"]],
  ])("%s lists its hosts", (url, expected) => {
    expect(seeds(url)).toEqual(expected);
  });

  test("login and TLS hold for all hosts", () => {
    expect(parseClusterUrl("rediss://ann:p%2Cw%40@a,b")).toMatchObject({
      tls: true,
      username: "ann",
      password: "p,w@",
    });
    expect(parseClusterUrl("redis://:p,w@a,b")).toMatchObject({ tls: false, username: undefined, password: "p,w" });
    expect(parseClusterUrl("redis://a,b").password).toBe(undefined);
    expect(parseClusterUrl("redis://ann:@a,b?family=6")).toMatchObject({ username: "ann", password: "", family: 6 });
  });

  test.each([
    "unix:///run/redis.sock",
    "redis://a,b/1",
    "redis://a,b/x",
    "redis://a:port,b",
    "redis://a:7000,b:70000",
    "http://a,b",
    "a,b",
    "",
    "redis://a,b?db=1",
    "redis://a,b?timeout=1",
    "redis://a,b#c",
  ])("%j is refused", (url) => {
    expect(() => parseClusterUrl(url)).toThrow(ArgumentError);
  });

  test("no error shows the password", () => {
    for (const url of [
      "redis://ann:hunter2@a:port,b",
      "redis://ann:hunter2@a,b/1",
      "http://ann:hunter2@a,b",
      "redis://ann:hun?hunter2@a,b",
    ]) {
      try {
        parseClusterUrl(url);
        throw new Error("the URL was accepted");
      } catch (error) {
        expect(error).toBeInstanceOf(ArgumentError);
        expect(String(error)).not.toContain("hunter2");
      }
    }
  });
});

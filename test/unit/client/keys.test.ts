import { beforeEach, describe, expect, test } from "vitest";
import { Keys } from "../../../src/client/keys.ts";
import { slotOf } from "../../../src/cluster/slot.ts";
import { ConnectionError, ServerError } from "../../../src/errors.ts";
import type { Reply } from "../../../src/resp/reply.ts";

let asked: string[];
/** Whether each question wanted text. */
let texts: boolean[];
let answers: Record<string, Reply | Error>;

beforeEach(() => {
  asked = [];
  texts = [];
  answers = {};
});

const keys = (): Keys =>
  new Keys(async (args, wantsText) => {
    const question = args.map(String).join(" ");
    asked.push(question);
    texts.push(wantsText);
    const answer = answers[question];
    if (answer instanceof Error) throw answer;
    return answer ?? null;
  });

/** What COMMAND INFO tells of a command. */
const info = (first: number, flags: Reply = []): Reply => [["name", 2, flags, first, first, 1]];

describe("the slot of a command", () => {
  test("is that of its first key, wherever that is; the server is asked once for each command", async () => {
    answers = { "COMMAND INFO GET": info(1), "COMMAND INFO XGROUP": info(2) };
    const one = keys();
    expect(await one.slotOf(["get", "news"])).toBe(slotOf("news"));
    expect(await one.slotOf(["GET", "other"])).toBe(slotOf("other"));
    expect(await one.slotOf(["XGROUP", "CREATE", "stream"])).toBe(slotOf("stream"));
    expect([asked, texts]).toEqual([
      ["COMMAND INFO GET", "COMMAND INFO XGROUP"],
      [true, true],
    ]);
  });

  test("is that of a key's bytes", async () => {
    answers = { "COMMAND INFO GET": info(1) };
    expect(await keys().slotOf(["GET", Buffer.from([0xff, 0x7b, 0x61, 0x7d])])).toBe(slotOf("a"));
    expect(await keys().slotOf(["GET", "é"])).toBe(slotOf(Buffer.from("é").toString("latin1")));
    expect(await keys().slotOf(["GET", 17])).toBe(slotOf("17"));
  });

  test.each<[string, Reply]>([
    ["a command without keys", info(0)],
    ["a command that the server does not know", [null]],
    ["an answer of another kind", "text"],
  ])("is none for %s", async (_what, answer) => {
    answers = { "COMMAND INFO PING": answer };
    expect(await keys().slotOf(["PING", "news"])).toBeNull();
    expect(asked).toEqual(["COMMAND INFO PING"]);
  });

  test("is none where the key is missing", async () => {
    answers = { "COMMAND INFO GET": info(1) };
    expect(await keys().slotOf(["GET"])).toBeNull();
  });

  test.each<[string, Reply]>([
    ["RESP2", ["noscript", "movablekeys"]],
    ["RESP3", new Set(["movablekeys"])],
  ])("is asked of the server where the keys can be anywhere (%s)", async (_what, flags) => {
    answers = {
      "COMMAND INFO EVAL": info(0, flags),
      "COMMAND GETKEYS EVAL script 1 news": [Buffer.from("news")],
    };
    expect(await keys().slotOf(["EVAL", "script", 1, "news"])).toBe(slotOf("news"));
    expect(texts).toEqual([true, false]);
  });

  test.each<[string, Reply | Error]>([
    ["is refused", new ServerError("ERR The command has no key arguments")],
    ["gives no list", "text"],
    ["gives no bytes", ["news"]],
  ])("is none where that question %s", async (_what, answer) => {
    answers = { "COMMAND INFO EVAL": info(0, ["movablekeys"]), "COMMAND GETKEYS EVAL script 0": answer };
    expect(await keys().slotOf(["EVAL", "script", 0])).toBeNull();
  });

  test("is not known where that question gets no answer", async () => {
    const lost = new ConnectionError("lost");
    answers = { "COMMAND INFO EVAL": info(0, ["movablekeys"]), "COMMAND GETKEYS EVAL": lost };
    await expect(keys().slotOf(["EVAL"])).rejects.toBe(lost);
  });
});

describe("a server that does not tell", () => {
  test("because COMMAND is denied, has any command go to any node, and is not asked again", async () => {
    answers = { "COMMAND INFO GET": new ServerError("NOPERM no") };
    const one = keys();
    expect([await one.slotOf(["GET", "news"]), await one.slotOf(["GET", "news"])]).toEqual([null, null]);
    expect(asked).toHaveLength(1);
  });

  test.each([new ServerError("LOADING the dataset"), new ConnectionError("lost")])(
    "yet (%s) fails the command, and is asked again by the next",
    async (failure) => {
      answers = { "COMMAND INFO GET": failure };
      const one = keys();
      await expect(one.slotOf(["GET", "news"])).rejects.toBe(failure);
      answers = { "COMMAND INFO GET": info(1) };
      expect(await one.slotOf(["GET", "news"])).toBe(slotOf("news"));
      expect(asked).toHaveLength(2);
    },
  );
});

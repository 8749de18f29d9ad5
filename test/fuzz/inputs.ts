import fc from "fast-check";
import { encode, encodePublication, publication, push, tree } from "../property/frames.ts";
import { sequence } from "../support/random.ts";

type Random = (below: number) => number;

const latin1 = (text: string): Buffer => Buffer.from(text, "latin1");

/** What the protocol is made of, and what lies just beside it. */
const TOKENS: readonly Buffer[] = [
  ..."+-:,#(_$=!*%~>|?0123456789\r\n",
  ...["\r\n", "\n", "\r", "$-1\r\n", "*-1\r\n", "_\r\n", "*0\r\n", ">0\r\n", "|0\r\n", "%0\r\n", "~0\r\n", "$0\r\n\r\n"],
  ...["*1\r\n", ">1\r\n", "%1\r\n", "|1\r\n", "~1\r\n", "*3\r\n", ">3\r\n", ">4\r\n", "$1\r\na\r\n", ":1\r\n", "#t\r\n"],
  ...["-ERR no\r\n", "+OK\r\n", "!4\r\nERR \r\n", "=4\r\ntxt:\r\n", ",inf\r\n", ",nan\r\n", ",1e5\r\n", "(99\r\n"],
  ...["$7\r\nmessage\r\n", "$8\r\nsmessage\r\n", "$8\r\npmessage\r\n", "$9\r\nsubscribe\r\n", "$10\r\npsubscribe\r\n"],
  ...["$10\r\nssubscribe\r\n", "$11\r\nunsubscribe\r\n", "$12\r\nsunsubscribe\r\n", "+message\r\n", "$4\r\npong\r\n"],
  ...["\xff", "\xc3", "\xc3\xa9", "\xed\xa0\x80", "\xf0\x9f\x98\x80", "\xef\xbb\xbf", "\0", "é".repeat(40)],
].map(latin1);

/** Numbers at which something ends: types, digits, limits (the tests' own small ones, too). */
const NUMBERS: readonly string[] = [
  ...["-2", "-1", "-0", "+1", "0", "00", "1", "2", "3", "4", "5", "6", "11", "12", "13", "23", "24", "25", "39", "40", "41"],
  ...["64", "65", "199", "200", "201", "65535", "65536", "4194304", "4194305", "536870912", "536870913", "999999999"],
  ...["0000000001", "1000000000", "2147483648", "4294967296", "9007199254740991", "9007199254740992"],
  ...["999999999999999", "1000000000000000", "18446744073709551616", "1e3", "0x1", "", " 1", "?", "NaN"],
];

const message = (first: ">" | "*") => publication(200).map((sent) => encodePublication(sent, first));

/** What servers send, confirmations above all, which stand for themselves in the hand-written decoder. */
const confirmation = fc
  .tuple(
    fc.constantFrom(">", "*"),
    fc.constantFrom("subscribe", "psubscribe", "ssubscribe", "unsubscribe", "punsubscribe", "sunsubscribe"),
    fc.string({ unit: "binary", maxLength: 40 }),
    fc.oneof(fc.nat(9), fc.nat(), fc.maxSafeNat()),
  )
  .map(([first, kind, name, count]) => {
    const bytes = Buffer.from(name);
    const head = `${first}3\r\n$${kind.length}\r\n${kind}\r\n$${bytes.length}\r\n`;
    return Buffer.concat([Buffer.from(head), bytes, Buffer.from(`\r\n:${count}\r\n`)]);
  });

/** Bombs: much from little. */
function bombs(): Buffer[] {
  const nested = ["*1\r\n", "~1\r\n", ">1\r\n", "%1\r\n", "|1\r\n", "*2\r\n:1\r\n", "|1\r\n+a\r\n", ">2\r\n+x\r\n"];
  return [
    ...nested.flatMap((text) => [latin1(text.repeat(3)), latin1(text.repeat(64)), latin1(text.repeat(70))]),
    ...["*0\r\n", ">0\r\n", "|0\r\n", "_\r\n", "-\r\n", "$0\r\n\r\n"].map((text) => latin1(text.repeat(40))),
    ...["$", "*", ">", "%", "~", "|", "=", "!"].flatMap((kind) => NUMBERS.map((number) => latin1(`${kind}${number}\r\n`))),
    ...["+", "-", ":", ",", "("].map((kind) => latin1(`${kind}${"9".repeat(3000)}`)),
    latin1(`,${"9".repeat(3000)}x\r\n`),
    latin1("\r\n".repeat(20)),
    latin1("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"),
    latin1("\x15\x03\x01\x00\x02\x02\x16"),
  ];
}

const CORPUS = 3000;
/** Longer ones find nothing that these do not, and take longer. */
const LONGEST = 2000;

/** Streams of every kind: what servers send, and then spoiled. The same seed gives the same streams. */
export class Inputs {
  readonly random: Random;
  readonly #corpus: readonly Buffer[];

  constructor(seed: number) {
    this.random = sequence(seed);
    const frame = fc.oneof(tree.map(encode), push.map(encode), message(">"), message("*"), confirmation);
    this.#corpus = [...fc.sample(frame, { numRuns: CORPUS, seed }), ...bombs()];
  }

  /** A stream of a few frames, more often spoiled than not. */
  next(): Buffer {
    let stream: Buffer = Buffer.concat(Array.from({ length: 1 + this.random(4) }, () => this.#pick(this.#corpus)));
    for (let left = this.random(6); left > 0; left--) stream = this.#spoil(stream);
    return stream.subarray(0, LONGEST);
  }

  /** Sizes of pieces, used by turns. */
  cuts(): number[] {
    const longest = this.#pick([1, 3, 20, 200]);
    return Array.from({ length: 1 + this.random(8) }, () => 1 + this.random(longest));
  }

  #spoil(stream: Buffer): Buffer {
    const { random } = this;
    const at = random(stream.length + 1);
    const length = random(3) === 0 ? random(stream.length - at + 1) : random(4);
    const cut = (insert: Uint8Array, remove = 0) =>
      Buffer.concat([stream.subarray(0, at), insert, stream.subarray(Math.min(at + remove, stream.length))]);
    switch (random(9)) {
      case 0:
        return cut(Buffer.from([(stream[at] ?? 0) ^ (1 << random(8))]), 1);
      case 1:
        return cut(Buffer.from([random(256)]), random(2));
      case 2:
      case 3:
        return cut(this.#pick(TOKENS), random(2) * length);
      case 4:
        return cut(Buffer.alloc(0), length);
      case 5:
        return cut(stream.subarray(at, at + length));
      case 6:
        return stream.subarray(0, at);
      case 7: {
        const other = this.#pick(this.#corpus);
        return cut(other.subarray(random(other.length + 1)), length);
      }
      default:
        return this.#changeNumber(stream);
    }
  }

  /** One of the stream's numbers, a length most often, becomes another. */
  #changeNumber(stream: Buffer): Buffer {
    const text = stream.toString("latin1");
    const found = [...text.matchAll(/-?\d+/g)];
    if (found.length === 0) return stream;
    const { 0: number, index } = this.#pick(found);
    const near = String(Number(number) + this.random(5) - 2);
    const other = this.random(2) === 0 ? near : this.#pick(NUMBERS);
    return latin1(text.slice(0, index) + other + text.slice(index + number.length));
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.random(items.length)] as T;
  }
}

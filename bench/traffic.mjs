// The messages of a scenario: channels, and payloads for them. All is drawn from seeds, so that every process makes the
// same, and every run.

import { randomNumbers } from "./common/random.mjs";

const ASCII = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 {}:,.";
const UTF8 = [...`${ASCII}éßøñščžабвгдежзилмнопрстабвгдежзилмнопрст東京大阪速報天気予報🚀🎉`];

const list = (text) => text.split(" ");
const PLAIN = list(
  "order user payment the was created for delivered to of and in price updated account at with account's new 2,450 from status next shipped stock room on is it by item",
);
/** Words beyond ASCII, by script; a payload has those of one of them. */
const SCRIPTS = {
  accents: list("café Zürich naïve déjà señor crème Ångström façade São façon über niño élève Müller coûts"),
  CJK: list("東京 速報 大阪 天気予報 注文 支払い 新着 消息 订单 已发货 用户 北京 更新 メッセージ ありがとう"),
  Cyrillic: list("привет заказ доставлен Москва новый сообщение оплата готово пользователь цена обновлена"),
  emoji: list("🚀 🎉 👍 ❤️ 😀 ✅ 🔥 👩‍💻"),
};
const NAMES = { ascii: list("room user order ticker session"), other: list("комната 房间 café 注文 канал") };
const SMALLEST = 80;
const LARGEST = 1500;

/**
 * What people send, in place of payloads of one size: JSON of 80 to 1,500 bytes, more small than large, to channels whose
 * share of the messages follows Zipf's law.
 * @typedef {object} Traffic
 * @property {number} beyond the share of the payloads that have text beyond ASCII
 * @property {(keyof typeof SCRIPTS)[]} scripts
 * @property {number} dense the share of their words that is beyond ASCII
 * @property {keyof typeof NAMES} names
 */

/** @type {Traffic} */
export const REAL = { beyond: 0.25, scripts: Object.keys(SCRIPTS), dense: 0.2, names: "ascii" };

/** The channels of a scenario. @param {import("./scenarios.mjs").Scenario} scenario */
export function channelsOf({ channels, traffic }) {
  if (channels === 1) {
    return ["news"];
  }
  const kinds = traffic ? NAMES[traffic.names] : [];
  return Array.from({ length: channels }, (_, index) =>
    traffic ? `news.${kinds[index % kinds.length]}:${(index * 7919) % 100_003}` : `news.${index}`,
  );
}

/** The names of each of the consumers that share a connection. @param {import("./scenarios.mjs").Scenario} scenario */
export function sharesOf(scenario) {
  const channels = channelsOf(scenario);
  const random = randomNumbers(3);
  const { count, names } = scenario.consumers;
  return Array.from({ length: count }, () => {
    const drawn = new Set();
    while (drawn.size < names) {
      drawn.add(channels[random(channels.length)]);
    }
    return [...drawn];
  });
}

/**
 * So many messages, as pairs of a channel and a payload.
 * @param {import("./scenarios.mjs").Scenario} scenario
 * @param {number} count
 * @returns {[channel: string, payload: string][]}
 */
export function messagesOf(scenario, count) {
  const channels = channelsOf(scenario);
  const random = randomNumbers(1);
  const payloads = makePayloads(scenario, count);
  const pick = scenario.traffic ? byZipf(channels, random) : evenly(channels, count, random);
  return payloads.map((payload, index) => [pick(index), payload]);
}

/** Payloads, all different. @param {import("./scenarios.mjs").Scenario} scenario @param {number} count */
export function makePayloads({ payload: { size, text }, traffic }, count) {
  const random = randomNumbers(traffic ? 7 : size);
  return Array.from({ length: count }, (_, index) =>
    traffic ? makeJson(index, traffic, random) : makeText(size, text === "utf8" ? UTF8 : ASCII, random),
  );
}

function makeText(size, alphabet, random) {
  const parts = [];
  let left = size;
  while (left > 0) {
    let next = alphabet[random(alphabet.length)];
    if (Buffer.byteLength(next) > left) {
      next = "x";
    }
    left -= Buffer.byteLength(next);
    parts.push(next);
  }
  return parts.join("");
}

function makeJson(id, { beyond, scripts, dense }, random) {
  const size = SMALLEST + (LARGEST - SMALLEST) * (random(1e6) / 1e6) ** 3;
  const other = random(1e6) / 1e6 < beyond ? SCRIPTS[scripts[random(scripts.length)]] : null;
  const words = (share) => (other !== null && random(1000) < share * 1000 ? other : PLAIN);
  const word = (share) => {
    const from = words(share);
    return from[random(from.length)];
  };
  const value = { id, type: "message", at: 1_764_000_000_000 + random(1e9), from: random(100_000), text: word(1) };
  let length = Buffer.byteLength(JSON.stringify(value));
  while (length < size) {
    const next = ` ${word(dense)}`;
    value.text += next;
    length += Buffer.byteLength(next);
  }
  return JSON.stringify(value);
}

/** As many messages to each channel, in a random order. */
function evenly(channels, count, random) {
  const order = Array.from({ length: count }, (_, index) => channels[index % channels.length]);
  for (let index = count - 1; index > 0; index -= 1) {
    const other = random(index + 1);
    [order[index], order[other]] = [order[other], order[index]];
  }
  return (index) => order[index];
}

/** The n-th channel gets a share of 1/n of what the first one gets. */
function byZipf(channels, random) {
  const sums = new Float64Array(channels.length);
  let sum = 0;
  for (let index = 0; index < sums.length; index += 1) {
    sum += 1 / (index + 1);
    sums[index] = sum;
  }
  return () => {
    const drawn = (random(1e9) / 1e9) * sum;
    let [low, high] = [0, sums.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle] < drawn) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return channels[low];
  };
}

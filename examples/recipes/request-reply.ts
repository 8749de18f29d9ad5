// A request and its reply, over channels: each question names where its answer goes.

import { randomUUID } from "node:crypto";
import { json, Redis } from "tidings";

interface Question {
  readonly replyTo: string;
  readonly id: string;
  readonly numbers: readonly number[];
}

interface Answer {
  readonly id: string;
  readonly sum: number;
}

const client = new Redis(process.env.REDIS_URL ?? "redis://localhost:6379", { codec: json<Question | Answer>() });

// The one that answers.
await client.subscribe("sum", async ({ data }) => {
  const { replyTo, id, numbers } = data as Question;
  await client.publish(replyTo, { id, sum: numbers.reduce((sum, number) => sum + number, 0) });
});

// The one that asks.
const inbox = `answers:${randomUUID()}`;
const pending = new Map<string, (answer: Answer) => void>();
await client.subscribe(inbox, ({ data }) => {
  const answer = data as Answer;
  pending.get(answer.id)?.(answer);
});

async function sum(...numbers: number[]): Promise<number> {
  const id = randomUUID();
  const answer = new Promise<Answer>((resolve) => pending.set(id, resolve));
  try {
    // How many heard it is known at once: without any receiver there is no reason to wait.
    if ((await client.publish("sum", { replyTo: inbox, id, numbers })) === 0) throw new Error("No one answers.");
    const late = AbortSignal.timeout(5000);
    const expired = new Promise<never>((_, reject) => late.addEventListener("abort", () => reject(late.reason)));
    return (await Promise.race([answer, expired])).sum;
  } finally {
    pending.delete(id);
  }
}

console.log(await Promise.all([sum(1, 2, 3), sum(4, 5)]));
await client.close();

/** What a stamped payload says: the `sequence`-th message of one publisher on one channel, counted from 1. */
export interface Stamp {
  readonly run: string;
  readonly channel: string;
  readonly sequence: number;
}

/** `run:channel:sequence`, made longer by `padding` bytes. */
export function stampPayload({ run, channel, sequence }: Stamp, padding = 0): string {
  return `${run}:${channel}:${sequence}${padding > 0 ? `|${"x".repeat(padding)}` : ""}`;
}

/** Reads a stamp, or gives `undefined` for a payload that is none: a torn or foreign one. */
export function readStamp(payload: string | Uint8Array): Stamp | undefined {
  const text = typeof payload === "string" ? payload : Buffer.from(payload).toString();
  const match = /^(?<run>[^:]+):(?<channel>.*):(?<sequence>[1-9]\d*)(\|x+)?$/s.exec(text);
  if (match?.groups === undefined) return undefined;
  const { run = "", channel = "", sequence } = match.groups;
  return { run, channel, sequence: Number(sequence) };
}

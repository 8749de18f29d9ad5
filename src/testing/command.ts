import type { Client } from "./hub.ts";
import type { Reply } from "./reply.ts";

/** One command. */
export interface Command {
  /** How many arguments it takes: the least, and the most where there is a limit. */
  readonly args: readonly [least: number, most?: number];
  /** Answers; undefined when it has written its replies itself. */
  run(connection: Client, args: readonly string[]): Reply | undefined;
  readonly subcommands?: Commands;
}

/** Commands by their names in lower case. */
export type Commands = Readonly<Record<string, Command>>;

/** A command that has subcommands only. */
export function family(subcommands: Commands): Command {
  return { args: [1], run: () => undefined, subcommands };
}

/** An integer of 64 bits as servers read one: no sign but a minus, no leading zeros; undefined for anything else. */
export function integer(text: string | undefined): bigint | undefined {
  if (text === undefined || !/^(0|-?[1-9][0-9]{0,18})$/.test(text)) return undefined;
  const value = BigInt(text);
  return BigInt.asIntN(64, value) === value ? value : undefined;
}

export const NOT_AN_INTEGER = "ERR value is not an integer or out of range";
export const SYNTAX = "ERR syntax error";

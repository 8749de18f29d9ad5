import { TidingsError } from "../errors.ts";

const shown: WeakSet<TidingsError> = new WeakSet();

/**
 * Adds the stack frames of the caller that awaits this async function to an error that was made elsewhere: its own stack ends
 * where a socket was read. Errors of the user's, such as the reason of a signal, stay as they are. Costs nothing until
 * something fails.
 */
export function withCaller(error: unknown): unknown {
  if (!(error instanceof TidingsError) || shown.has(error)) return error;
  shown.add(error);
  const here: { stack?: string } = {};
  Error.captureStackTrace(here, withCaller);
  const frames = here.stack?.split("\n").slice(1).join("\n") ?? "";
  if (frames !== "") error.stack = `${error.stack ?? String(error)}\n${frames}`;
  return error;
}

import { eventually } from "../../test/support/eventually.ts";

/** Waits until the condition holds. Gives `false` if it does not in that many milliseconds. */
export async function within(milliseconds: number, condition: () => boolean): Promise<boolean> {
  const holds = eventually(
    () => {
      if (!condition()) throw new Error("not yet");
    },
    { timeout: milliseconds },
  );
  return holds.then(
    () => true,
    () => false,
  );
}

/** C0 and C1 controls, DEL, and the separators that some viewers take for line ends. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

/**
 * The text with its control characters escaped as in a JavaScript string: `\n`, `\u001b`. A message may quote a peer,
 * and must not forge a line of a log or drive a terminal.
 */
export function printable(text: string): string {
  return text.replace(CONTROLS, escaped);
}

function escaped(control: string): string {
  const short = shorts[control];
  return short ?? `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

const shorts: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

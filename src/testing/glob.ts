/** Whether a pattern matches a text, byte by byte (latin1), as servers match: `*`, `?`, `[a-z]`, `[^a]` and `\` before any. */
export function matches(pattern: string, text: string): boolean {
  let [p, t] = [0, 0];
  // Where to go on when what follows the last star does not match: the star takes one byte more.
  let [star, taken] = [-1, 0];
  for (;;) {
    if (pattern[p] === "*") {
      star = p++;
      taken = t;
      continue;
    }
    if (t === text.length && p === pattern.length) return true;
    if (t < text.length && p < pattern.length) {
      const end = one(pattern, p, text.charCodeAt(t));
      if (end > 0) {
        p = end;
        t++;
        continue;
      }
    }
    if (star < 0 || taken >= text.length) return false;
    p = star + 1;
    t = ++taken;
  }
}

/** Where the pattern goes on after its part at `p` matched one byte; 0 when it did not. */
function one(pattern: string, p: number, byte: number): number {
  if (pattern[p] === "?") return p + 1;
  if (pattern[p] === "[") return group(pattern, p + 1, byte);
  const at = pattern[p] === "\\" && p + 1 < pattern.length ? p + 1 : p;
  return pattern.charCodeAt(at) === byte ? at + 1 : 0;
}

/** A class whose bracket is before `p`. One without its closing bracket ends with the pattern. */
function group(pattern: string, p: number, byte: number): number {
  const not = pattern[p] === "^";
  let [at, found] = [not ? p + 1 : p, false];
  for (; at < pattern.length && pattern[at] !== "]"; at++) {
    if (pattern[at] === "\\" && at + 1 < pattern.length) {
      at++;
      if (pattern.charCodeAt(at) === byte) found = true;
    } else if (pattern[at + 1] === "-" && at + 2 < pattern.length) {
      const [one, other] = [pattern.charCodeAt(at), pattern.charCodeAt(at + 2)];
      at += 2;
      if (byte >= Math.min(one, other) && byte <= Math.max(one, other)) found = true;
    } else if (pattern.charCodeAt(at) === byte) {
      found = true;
    }
  }
  if (found === not) return 0;
  return Math.min(at + 1, pattern.length);
}

/** The same numbers in every process and at every run (xorshift). @param {number} seed */
export function randomNumbers(seed) {
  let state = seed * 2654435761 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

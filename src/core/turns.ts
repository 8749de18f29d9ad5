import timers from "node:timers";

/**
 * Calls back in the next turn of the event loop; the function returned calls it off. Test environments (jsdom) take the
 * global functions away.
 */
export function nextTurn(callback: () => void): () => void {
  const { setImmediate, clearImmediate } = globalThis.setImmediate === undefined ? timers : globalThis;
  const immediate = setImmediate(callback);
  return () => clearImmediate(immediate);
}

/**
 * Calls back when what has arrived at the sockets is read; the function returned calls it off. After a blocked loop Node
 * reads between a timer and the next immediate. Bun and Deno run both before they read, so a second immediate is needed.
 */
export function afterReading(callback: () => void): () => void {
  let callOff = nextTurn(() => {
    callOff = nextTurn(callback);
  });
  return () => callOff();
}

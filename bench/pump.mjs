// Writes a reel to a socket, again and again, as fast as the socket takes it.

/**
 * @param {import("node:net").Socket} socket
 * @param {import("./frames.mjs").Reel} reel
 * @param {number} times
 * @returns {Promise<void>} resolves when the last write is done
 */
export function pump(socket, reel, times) {
  const { slices } = reel;
  const writes = slices.length * times;
  let written = 0;
  return new Promise((resolve, reject) => {
    socket.once("close", () => reject(new Error("the connection was closed while frames were written")));
    // Each write waits for the one before, so that a reply can only be written between whole frames.
    const write = (error) => {
      if (error) {
        reject(error);
      } else if (written < writes) {
        const slice = slices[written % slices.length];
        written += 1;
        socket.write(slice, write);
      } else {
        socket.write(reel.end, (failed) => (failed ? reject(failed) : resolve()));
      }
    };
    write();
  });
}

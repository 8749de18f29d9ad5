// One question to a server, over a connection of its own.

import { connect } from "node:net";
import { command } from "../frames.mjs";

/** All that the server answers, as it writes it. @param {number} port @param {...string} words @returns {Promise<string>} */
export function ask(port, ...words) {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect({ port, host: "127.0.0.1" }, () => {
      socket.write(Buffer.concat([command(...words), command("QUIT")]));
    });
    socket.setEncoding("latin1").on("data", (chunk) => {
      text += chunk;
    });
    socket.on("error", reject).on("end", () => resolve(text));
  });
}

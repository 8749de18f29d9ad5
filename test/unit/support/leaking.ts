import * as net from "node:net";

/** A timer that nobody hears of: the process does not wait for it. */
export function leakTimer(): NodeJS.Timeout {
  return setInterval(() => {}, 60_000).unref();
}

/** A socket on which nobody listens. */
export function leakSocket(port: number): net.Socket {
  return net.connect(port, "127.0.0.1").unref();
}

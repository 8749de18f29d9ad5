/**
 * A server for tests, in their process: `import { startServer } from "tidings/testing"`. It imports nothing of the library: its
 * encoder and decoder are its own.
 *
 * @module tidings/testing
 */
export { TestServerError, type TestServerErrorCode } from "./testing/errors.ts";
export type { TestServerOptions } from "./testing/options.ts";
export { type Denied, type DisconnectOptions, startServer, type TestServer } from "./testing/server.ts";

// A server for tests: npm's `tidings/testing`. It imports nothing of the library: its encoder and decoder are its own.
export { TestServerError, type TestServerErrorCode } from "./testing/errors.ts";
export type { TestServerOptions } from "./testing/options.ts";
export { type Denied, type DisconnectOptions, startServer, type TestServer } from "./testing/server.ts";

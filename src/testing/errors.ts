/** What is wrong: the options given, a control that was given the wrong argument, or a server that is closed. */
export type TestServerErrorCode = "INVALID_OPTION" | "INVALID_ARGUMENT" | "CLOSED";

/** An error of the testing server. Its `code` says what kind it is, its message what to do. */
export class TestServerError extends Error {
  override readonly name = "TestServerError";
  readonly code: TestServerErrorCode;

  /** @internal */
  constructor(code: TestServerErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** What every message about the server's limits ends with. */
export const WHAT_IT_IS =
  "the server of tidings/testing speaks Pub/Sub, CLIENT and strings with expiry; it is no Redis or Valkey server";

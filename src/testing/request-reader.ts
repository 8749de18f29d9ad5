/** The longest argument, and the most arguments, that a server takes. */
const LONGEST = 512 * 1024 * 1024;
const MOST = 1024 * 1024;

/** Bytes that are no request. Its message is that of the reply. */
export class RequestError extends Error {
  override readonly name = "RequestError";
}

/** Takes requests, arrays of bulk strings, out of the bytes of a connection. Arguments are latin1 strings. */
export class RequestReader {
  #rest: Buffer = Buffer.alloc(0);
  /** Where the next unread byte is. */
  #at = 0;
  /** No request can be complete before so many bytes are there; spares reading a long argument from its start again. */
  #needed = 0;

  add(chunk: Buffer): void {
    this.#rest = this.#at === this.#rest.length ? chunk : Buffer.concat([this.#rest.subarray(this.#at), chunk]);
    this.#at = 0;
  }

  /** The next request; undefined when it is not complete yet. Throws a RequestError. */
  next(): string[] | undefined {
    if (this.#rest.length - this.#at < this.#needed) return undefined;
    const start = this.#at;
    const request = this.#read();
    if (request === undefined) {
      this.#needed = Math.max(this.#needed - start, 0);
      this.#at = start;
    } else {
      this.#needed = 0;
    }
    return request;
  }

  #read(): string[] | undefined {
    this.#needed = 0;
    if (this.#at >= this.#rest.length) return undefined;
    if (this.#rest[this.#at] !== 0x2a) {
      throw new RequestError("ERR Protocol error: the server of tidings/testing takes no inline commands");
    }
    const count = this.#length("ERR Protocol error: invalid multibulk length", MOST);
    if (count === undefined) return undefined;
    const words: string[] = [];
    while (words.length < count) {
      if (this.#at >= this.#rest.length) return undefined;
      if (this.#rest[this.#at] !== 0x24) {
        const got = String.fromCharCode(this.#rest[this.#at] ?? 0);
        throw new RequestError(`ERR Protocol error: expected '$', got '${got}'`);
      }
      const length = this.#length("ERR Protocol error: invalid bulk length", LONGEST);
      if (length === undefined) return undefined;
      const end = this.#at + length + 2;
      if (end > this.#rest.length) {
        this.#needed = end;
        return undefined;
      }
      words.push(this.#rest.toString("latin1", this.#at, this.#at + length));
      this.#at = end;
    }
    return words;
  }

  /** The number behind a type byte; undefined when its line is not complete yet. */
  #length(error: string, most: number): number | undefined {
    const end = this.#rest.indexOf("\r\n", this.#at);
    if (end < 0) return undefined;
    const text = this.#rest.toString("latin1", this.#at + 1, end);
    const value = Number(text);
    const none = error.includes("multibulk") ? /^(-?[0-9]+)$/ : /^[0-9]+$/;
    if (!none.test(text) || value > most) throw new RequestError(error);
    this.#at = end + 2;
    return Math.max(value, 0);
  }
}

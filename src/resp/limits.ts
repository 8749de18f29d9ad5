/** The shape of {@link limits}; tests use smaller ones. */
export type Limits = Readonly<Record<"depth" | "bulk" | "elements" | "line" | "frame", number>>;

/** What a peer may make us hold. Past any of these the stream is hostile or broken: `ProtocolError`, connection closed. */
export const limits: Limits = Object.freeze({
  /** Aggregates inside aggregates. */
  depth: 64,
  /** Bytes of one bulk string; also the server's own default (`proto-max-bulk-len`). */
  bulk: 512 * 1024 * 1024,
  /** Elements of one reply, those of nested aggregates included. */
  elements: 4 * 1024 * 1024,
  /** Bytes of a line: a simple string, an error, a number, a length. */
  line: 64 * 1024,
  /** Bytes of one whole frame, all that it nests included. */
  frame: 544 * 1024 * 1024,
});

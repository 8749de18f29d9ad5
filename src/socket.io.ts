/// <reference types="node" />
/**
 * An adapter of socket.io on a client of tidings: `import { createAdapter } from "tidings/socket.io"`.
 *
 * @module tidings/socket.io
 */
export {
  type AdapterGap,
  type AdapterOptions,
  createAdapter,
  type NamespaceLike,
  type TidingsAdapter,
} from "./socket.io/adapter.ts";
export type { AnyClient } from "./socket.io/subscriptions.ts";

/// <reference types="node" />
export {
  type AdapterGap,
  type AdapterOptions,
  createAdapter,
  type NamespaceLike,
  type TidingsAdapter,
} from "./socket.io/adapter.ts";
export type { AnyClient } from "./socket.io/subscriptions.ts";

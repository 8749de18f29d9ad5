/// <reference types="node" />
/**
 * Clients of tidings in the shape of other clients: `import { asIoredis } from "tidings/compat"`.
 *
 * @module tidings/compat
 */
export {
  asIoredis,
  asNodeRedis,
  type GapEvent,
  type IoredisClient,
  type IoredisCluster,
  type NodeRedisClient,
  type NodeRedisCluster,
} from "./compat/as.ts";
export type { FaceOptions } from "./compat/face.ts";
export type { AnyClient } from "./compat/group.ts";
export type { IoredisFaceOptions } from "./compat/ioredis.ts";
export type { NodeRedisFaceOptions } from "./compat/node-redis.ts";

// Nest's Redis transport on tidings: a server and a client, each a subclass that makes the face.

import "reflect-metadata";
import { ClientRedis, ServerRedis } from "@nestjs/microservices";
import { firstValueFrom } from "rxjs";
import { Redis } from "tidings";
import { asIoredis } from "tidings/compat";

const client = new Redis(process.env.REDIS_URL ?? "redis://localhost:6379");

/** For `strategy` of `NestFactory.createMicroservice`. */
export class TidingsServer extends ServerRedis {
  override async createRedisClient() {
    return asIoredis<Awaited<ReturnType<ServerRedis["createRedisClient"]>>>(client, { lazyConnect: true });
  }
}

/** For `customClass` of `ClientsModule.register`. */
export class TidingsClient extends ClientRedis {
  override async createClient() {
    return asIoredis<Awaited<ReturnType<ClientRedis["createClient"]>>>(client, { lazyConnect: true });
  }
}

const server = new TidingsServer({});
server.addHandler("sum", async (numbers: number[]) => numbers.reduce((sum, number) => sum + number, 0));
await new Promise<void>((resolve) => void server.listen(() => resolve()));

const asking = new TidingsClient({});
await asking.connect();
console.log("sum", await firstValueFrom(asking.send("sum", [1, 2, 3])));
await asking.close();
await server.close();
await client.close();

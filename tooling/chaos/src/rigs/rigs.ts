import { nats } from "./nats.ts";
import { rabbitmq } from "./rabbitmq.ts";
import { redis } from "./redis.ts";
import type { RigKind } from "./rig.ts";
import { spool } from "./spool.ts";
import { sqlite } from "./sqlite.ts";

export const rigs: readonly RigKind[] = [sqlite, spool, redis, rabbitmq, nats];

/** celery-node's producer. It does not say when the broker has accepted a task: the broker's list does. @module */
import { once } from "node:events";
import { createClient } from "celery-node";
import { Redis } from "ioredis";

const url = process.env["BENCH_URL"]!;
const count = Number(process.env["BENCH_COUNT"]);
const client = createClient(url, url);
const redis = new Redis(url);
const task = client.createTask("bench.nothing");
const until = async (length: number): Promise<void> => {
  while ((await redis.llen("celery")) < length) await new Promise((resolve) => setImmediate(resolve));
};
const before = await redis.llen("celery");
task.applyAsync([], { x: 1, y: 2 });
await until(before + 1);
console.log("ready");
await once(process.stdin, "data");
const began = performance.now();
for (let sent = 0; sent < count; sent++) task.applyAsync([], { x: 1, y: 2 });
await until(before + 1 + count);
console.log(`took ${performance.now() - began}`);

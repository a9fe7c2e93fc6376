/** Petiole's producer: `enqueue`, 50 at a time unanswered. @module */
import { once } from "node:events";
import { Redis } from "ioredis";
import { Petiole } from "petiole";
import { celery } from "petiole/engine/celery";

const broker = new Redis(process.env["BENCH_URL"]!);
const engine = celery({ broker });
const app = new Petiole({ engine, defaults: { queue: "celery" } });
const nothing = app.task<{ x: number; y: number }>("bench.nothing");
const count = Number(process.env["BENCH_COUNT"]);
await nothing.enqueue({ x: 1, y: 2 });
console.log("ready");
await once(process.stdin, "data");
const began = performance.now();
let sent = 0;
const lane = async (): Promise<void> => {
  while (sent++ < count) await nothing.enqueue({ x: 1, y: 2 });
};
await Promise.all(Array.from({ length: 50 }, lane));
console.log(`took ${performance.now() - began}`);

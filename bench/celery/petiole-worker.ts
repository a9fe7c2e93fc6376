/** Petiole's worker, as it is unless told otherwise. @module */
import { Redis } from "ioredis";
import { Petiole } from "petiole";
import { celery } from "petiole/engine/celery";

const engine = celery({ broker: new Redis(process.env["BENCH_URL"]!) });
const app = new Petiole({ engine, defaults: { queue: "celery" } });
const count = Number(process.env["BENCH_COUNT"]);
let ran = 0;
let began = 0;
app.task("bench.nothing", (_: { x: number; y: number }) => {
  ran += 1;
  if (ran === 1) began = performance.now();
  if (ran === count) console.log(`took ${performance.now() - began}`);
});
await app.worker({ queues: ["celery"] }).start();

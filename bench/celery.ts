/** `npm run bench:celery`: Petiole's Celery engine beside Celery's own producer and worker. See README.md. */
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { parseArgs } from "node:util";
import { Redis } from "ioredis";
import { noPython, python } from "../test/services/python.ts";
import { noOwnRedis, startOwnRedis } from "../test/services/redis.ts";
import { type Program, Side, celeryProducer, celeryWorker, node } from "./celery/side.ts";
import { median } from "./measure.ts";
import { type Row, isMet, writeRows } from "./row.ts";

const { values: options } = parseArgs({
  options: { json: { type: "string" }, quick: { type: "boolean", default: false } },
});
const missing = noOwnRedis ?? noPython;
if (missing !== undefined) {
  console.error(`It cannot be measured here: ${missing}`);
  process.exit(1);
}
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));

const rounds = options.quick ? 1 : 7;
const count = options.quick ? 200 : 5000;
const version = execFileSync(python, ["-c", "import celery; print(celery.__version__)"], {
  encoding: "utf8",
});
const celery = `celery ${version.trim()}`;
const { version: celeryNode } = createRequire(import.meta.url)("celery-node/package.json") as {
  version: string;
};
const redis = await startOwnRedis();
const admin = new Redis(redis.port, "127.0.0.1");

/** Tasks a second that a producer sends. */
async function produce(program: Program): Promise<number> {
  await admin.flushall();
  const side = new Side(program, { url: redis.url, count });
  try {
    await side.ready();
    side.go();
    return (count * 1000) / (await side.took());
  } finally {
    await side.stop();
  }
}

/** Tasks a second that a worker runs, from the first to the last of those that wait when it starts. */
async function consume(program: Program): Promise<number> {
  await produce(celeryProducer);
  const side = new Side(program, { url: redis.url, count });
  try {
    return (count * 1000) / (await side.took());
  } finally {
    await side.stop();
  }
}

interface Contest {
  readonly metric: string;
  readonly measure: (program: Program) => Promise<number>;
  readonly ours: Program;
  readonly peer: Program;
  readonly peerName: string;
  readonly bar: number;
}

const contests: readonly Contest[] = [
  {
    metric: "produce",
    measure: produce,
    ours: node("petiole-producer.ts"),
    peer: celeryProducer,
    peerName: `${celery}, delay()`,
    bar: 2,
  },
  {
    metric: "produce",
    measure: produce,
    ours: node("petiole-producer.ts"),
    peer: node("celery-node-producer.ts"),
    peerName: `celery-node ${celeryNode}`,
    bar: 1,
  },
  ...(["solo", "prefork"] as const).map((pool) => ({
    metric: "consume",
    measure: consume,
    ours: node("petiole-worker.ts"),
    peer: celeryWorker(pool),
    peerName: `${celery}, worker --pool ${pool} --concurrency 1`,
    bar: 2,
  })),
];

/** In pairs, each of them first every other time. The ratio is the median of the pairs'. */
async function hold({ metric, measure, ours, peer, peerName, bar }: Contest): Promise<Row> {
  const speeds: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    for (const at of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const))
      speeds[at].push(await measure(at === 0 ? ours : peer));
  }
  return {
    case: "Celery engine, Redis",
    metric,
    ours: median(speeds[0]),
    peer: peerName,
    theirs: median(speeds[1]),
    unit: "tasks/s",
    ratio: median(speeds[0].map((speed, round) => speed / speeds[1][round]!)),
    bar,
    lowerIsBetter: false,
  };
}

const rows: Row[] = [];
try {
  for (const contest of contests) {
    const row = await hold(contest);
    rows.push(row);
    const [ours, theirs] = [row.ours, row.theirs].map((speed) => Math.round(speed).toLocaleString("en-US"));
    const verdict = isMet(row) ? `≥ ${row.bar}` : `NOT ≥ ${row.bar}`;
    console.log(
      `${row.metric}: ours ${ours} tasks/s; ${row.peer} ${theirs}; ratio ${row.ratio.toFixed(2)}, ${verdict}`,
    );
    if (options.json !== undefined) writeRows(options.json, rows);
  }
} finally {
  admin.disconnect();
  await redis.stop();
}

/** A worker in a process of its own: `node worker.ts SETTINGS`, the settings as JSON. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Engine } from "../../src/engine.ts";
import { makeApp, replacing, type Done } from "./app.ts";
import { Effects } from "./effects.ts";
import { loadEngine } from "./engines.ts";
import type { Point, Said, WorkerSettings } from "./worker-settings.ts";

const settings = JSON.parse(process.argv[2] ?? "") as WorkerSettings;
const { name, lease, concurrency = 10, death } = settings;

// Whoever started it is gone: nobody else would end it.
process.once("disconnect", () => process.kill(process.pid, "SIGKILL"));

const effects = new Effects(settings.effects);
/** How often tasks had been lost when this worker claimed them, by id. */
const turns = new Map<string, number>();
const visits = new Map<Point, number>();
const { open } = await loadEngine(settings.engine);
const { app, errand } = makeApp(watched(open(settings.config)));

errand.run(async ({ number, due, first, later }, job): Promise<Done> => {
  if (!(due instanceof Date)) throw new TypeError(`due is no Date: ${String(due)}`);
  const run = randomUUID();
  const isFirst = effects.record({ number, run, worker: name, turn: turns.get(job.id) ?? 0 });
  comesTo("effect");
  const duration = isFirst ? first : later;
  if (duration > 0) await sleep(duration);
  return { number, run };
});

const worker = app.worker({
  name,
  concurrency,
  ...(lease !== undefined && { lease }),
  // Faults that come from outside are not the tasks' doing.
  maxCrashes: 1000,
  logger: {
    info: (message) => say({ log: message }),
    warn: (message) => say({ log: message }),
    error: (message, error) => say({ log: `${message} ${String(error)}` }),
  },
});
await started();
say({ ready: true });

process.once("SIGTERM", () => void end());

/** As a supervisor does, which starts it again when the server was not there. */
async function started(): Promise<void> {
  for (;;) {
    try {
      return await worker.start();
    } catch (error) {
      say({ log: `could not start: ${String(error)}` });
      await sleep(100);
    }
  }
}

async function end(): Promise<void> {
  await worker.stop();
  await app.close();
  effects.close();
  process.removeAllListeners("disconnect");
  process.disconnect?.();
}

/** Records which ends of runs the engine took, and dies where it shall. */
function watched(engine: Engine): Engine {
  return replacing(engine, {
    async claim(request) {
      const deliveries = await engine.claim(request);
      for (const { message, crashes } of deliveries) turns.set(message.id, crashes);
      if (deliveries.length > 0) comesTo("claimed");
      return deliveries;
    },
    async settle(settlements) {
      const settling = engine.settle(settlements);
      setImmediate(() => comesTo("settling"));
      const accepted = await settling;
      for (const [index, settlement] of settlements.entries()) {
        if (settlement.kind !== "complete") continue;
        const { number, run } = JSON.parse(settlement.result) as Done;
        effects.settled({ number, run, worker: name, accepted: accepted[index] === true });
      }
      comesTo("settled");
      return accepted;
    },
  });
}

function comesTo(point: Point): void {
  const count = (visits.get(point) ?? 0) + 1;
  visits.set(point, count);
  if (death?.point === point && count >= death.after) process.kill(process.pid, "SIGKILL");
}

function say(said: Said): void {
  // It may have been told to end meanwhile.
  if (process.connected) process.send?.(said);
}

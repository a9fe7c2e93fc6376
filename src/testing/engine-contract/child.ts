/**
 * A process of the contract's: opens the engine, does what it is told, and says what came of it, in lines of JSON. The
 * first says that it is ready. Started by `processes.ts`.
 *
 * @module
 */
import { createInterface } from "node:readline";
import type { Engine } from "../../engine.ts";
import type { Json } from "../../message.ts";
import { claim, ids, longLease, outgoing, pause } from "./case.ts";
import type { Role } from "./processes.ts";

const [module = "", config = "null", role = "", parameters = "null"] = process.argv.slice(2);
const { open } = (await import(module)) as { open: (config: Json) => Engine };
const engine = open(JSON.parse(config) as Json);
const told = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Loaded where it is needed only: eight processes that start at the same time have enough to do. */
const appModule = () => import("./app.ts");

// Nobody listens any more.
process.stdout.on("error", () => process.exit());

function say(value: Json): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

const roles: Readonly<Record<Role, (parameters: never) => Promise<void>>> = {
  /** Takes and completes whatever is there, until told; then says which. */
  async compete({ queue }: { queue: string }) {
    const taken: string[] = [];
    const over = new AbortController();
    let wake = (): void => undefined;
    const stop = engine.onReady([queue], () => wake());
    say("ready");
    await told.next();
    void told.next().then(() => {
      over.abort();
      wake();
    });
    while (!over.signal.aborted) {
      const awake = new Promise<void>((resolve) => (wake = resolve));
      const deliveries = await claim(engine, { queues: [queue], limit: 3, worker: `${process.pid}` });
      taken.push(...ids(deliveries));
      await engine.settle(deliveries.map(({ lease }) => ({ kind: "complete", lease, result: "1" })));
      if (deliveries.length === 0) await Promise.race([awake, pause(1000)]);
    }
    stop();
    say(taken);
  },
  /** Sends tasks, each in a call of its own, all at once. Says the ids that it was told. */
  async send({ tasks, key }: { tasks: readonly string[]; key?: string }) {
    say("ready");
    await told.next();
    const unique = key === undefined ? {} : { unique: { key } };
    const sent = await Promise.all(tasks.map((id) => engine.send([{ ...outgoing(id), ...unique }])));
    say(sent.flat());
  },
  /** Waits for the result of a task, and says what is wrong with it, if anything is. */
  async wait({ id }: { id: string }) {
    const { contractApp } = await appModule();
    const { check } = contractApp(engine);
    say("ready");
    say(await check(id));
  },
  /** Waits for the end of a chain, and says what is wrong with its result, if anything is. */
  async waitForChain({ ids }: { ids: readonly string[] }) {
    const { contractApp } = await appModule();
    const { checkChain } = contractApp(engine);
    say("ready");
    say(await checkChain(ids));
  },
  /** Claims a task and keeps it, without a heartbeat, until it is killed. */
  async hold({ lease }: { lease: number }) {
    say("ready");
    say(ids(await claim(engine, { lease, worker: "holder" })));
    await pause(longLease);
  },
  /** Runs the app's tasks until told. */
  async work() {
    const { contractApp } = await appModule();
    const { app } = contractApp(engine);
    const worker = app.worker({
      concurrency: 4,
      watchdog: false,
      logger: { ...console, info: () => undefined },
    });
    await worker.start();
    say("ready");
    await told.next();
    await worker.stop({ timeout: 0 });
    say("stopped");
  },
};

await engine.open();
await roles[role as Role](JSON.parse(parameters) as never);
await engine.close();
process.exit();

/**
 * Clocks that are wrong, and clocks that jump. Where the server's clock counts, workers that are an hour ahead, an hour
 * behind and one that jumps work beside each other, and no task runs twice for it. Where it is the machine's, it jumps
 * for all at once: leases may end early, so that tasks run twice, and none is lost.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Fault } from "../fault.ts";
import type { Crew, WorkerProcess } from "../processes.ts";
import type { Round } from "../round.ts";

const shim = new URL("../clock-shim.ts", import.meta.url).href;
const hour = 3_600_000;
const lease = 2000;

export const clock: Fault = {
  name: "clock",
  tasks: { share: 1 },
  unfit: () => undefined,
  async run(round) {
    const { isShort, store, traits, effects } = round.scene;
    const config = await store.fresh();
    const sender = round.sender(config);
    const crew = round.crew(config, lease);
    const isServers = traits.clock === "server";
    const clocks = isServers ? [hour, -hour, 0] : [0, 0, 0];
    const workers = clocks.map((offset) => start(crew, offset, hour));
    await Promise.all(workers.map((worker) => worker.ready));
    const jumping = isServers ? workers.slice(-1) : workers;
    const time = isShort ? 2500 : 8000;
    // Some are longer than a lease, so that it is renewed on either side of a jump.
    const sent = round.sendOver(sender, round.tasks, time, {
      first: () => (round.random.below(20) === 0 ? lease * 1.5 : round.random.below(20)),
    });
    for (let index = 0; index < (isShort ? 2 : 8); index++) {
      await sleep(time / (isShort ? 4 : 9));
      jumpAll(round, jumping);
    }
    await sent;
    await round.drained(sender.engine);
    const repeated = effects.of(round.first, round.first + round.tasks).length - round.tasks;
    if (isServers && repeated > 0) round.problems.push(`${repeated} tasks ran twice for a clock`);
  },
};

function start(crew: Crew, offset: number, jump: number): WorkerProcess {
  return crew.start(
    {},
    { imports: [shim], environment: { FAULT_CLOCK: `${offset}`, FAULT_JUMP: `${jump}` } },
  );
}

/** Forwards, and the next time back again. */
function jumpAll(round: Round, workers: readonly WorkerProcess[]): void {
  for (const worker of workers) worker.signal("SIGUSR2");
  round.happened("clock jumped");
}

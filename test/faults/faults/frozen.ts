/**
 * A worker is frozen past its lease and thawed: its tasks have run elsewhere, or run there now, and what it comes to is
 * refused.
 *
 * @module
 */
import type { Effect } from "../effects.ts";
import { freeze } from "../freeze.ts";
import type { Fault } from "../fault.ts";
import type { WorkerProcess } from "../processes.ts";
import type { Round } from "../round.ts";
import { until } from "../until.ts";

const lease = 1000;
const concurrency = 6;

export const frozen: Fault = {
  name: "frozen",
  tasks: { share: 1 },
  unfit: () => undefined,
  async run(round) {
    const { isShort, store } = round.scene;
    const config = await store.fresh();
    const sender = round.sender(config);
    const crew = round.crew(config, lease);
    let left = round.tasks;
    for (let index = 0; left > 0 && index < (isShort ? 1 : 8); index++) {
      const count = Math.min(concurrency, left);
      left -= count;
      const [victim] = await crew.startAll(1, { concurrency });
      // They are still in their first run when the worker is frozen, and over when it is thawed. Every other one has
      // ended elsewhere by then, and the rest still runs there.
      const numbers = await sender.send(count, {
        first: 600,
        later: (number) => (number % 2 === 0 ? 0 : 3000),
      });
      await refuses(round, victim!, numbers, async () => {
        await crew.startAll(1, { concurrency });
      });
      await round.drained(sender.engine, numbers.at(-1)! + 1);
      await Promise.all(crew.living.map((worker) => worker.stop()));
    }
    // And at random moments, while there is much to do.
    await crew.startAll(3);
    const sent = round.sendOver(sender, left, isShort ? 1000 : 10_000, {
      first: () => round.random.below(20),
    });
    for (let index = 0; index < (isShort ? 1 : 8); index++) {
      await round.pause(100, 400);
      const victim = round.random.pick(crew.living);
      await freeze(round, victim, () => round.pause(lease * 0.5, lease * 2));
    }
    await sent;
    await round.drained(sender.engine);
  },
};

/** Freezes a worker while it runs these tasks; others take them. What it then says of each must be refused, and told. */
async function refuses(
  round: Round,
  victim: WorkerProcess,
  numbers: readonly number[],
  startOthers: () => Promise<void>,
): Promise<void> {
  const { effects, signal } = round.scene;
  const [from, below] = [numbers[0]!, numbers.at(-1)! + 1];
  const runsOf = (isVictim: boolean): Effect[] =>
    effects.of(from, below).filter(({ worker }) => (worker === victim.name) === isVictim);
  await until("the tasks have begun", () => runsOf(true).length === numbers.length, signal);
  await freeze(round, victim, async () => {
    await startOthers();
    await until("they run elsewhere", () => runsOf(false).length >= numbers.length, signal);
  });
  const isTold = (): boolean => refusals(victim) === numbers.length;
  await until("it is told of each", isTold, signal, 5000).catch(() => {
    const text = `was told of ${refusals(victim)} late results of ${numbers.length} that they are refused`;
    round.problems.push(`${victim.name}, frozen past its lease, ${text}`);
  });
  const own = new Set(runsOf(true).map(({ run }) => run));
  const accepted = effects.settledOf(from, below).filter((end) => end.accepted && own.has(end.run));
  if (accepted.length > 0)
    round.problems.push(
      `a late result was accepted: ${accepted.length} of ${victim.name}, frozen past its lease`,
    );
}

function refusals(worker: WorkerProcess): number {
  return worker.log.filter((line) => line.includes("ended here after its lease was lost")).length;
}

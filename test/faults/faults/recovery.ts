/** How long until the tasks of a worker that is killed run elsewhere, with the default lease. @module */
import { monotonic, type Effect } from "../effects.ts";
import type { Fault } from "../fault.ts";
import { until } from "../until.ts";

/** Longer than any test: the first run of each task is ended by SIGKILL alone. */
const forever = 3_600_000;

export const recovery: Fault = {
  name: "recovery",
  tasks: { count: 4 },
  waits: true,
  unfit: () => undefined,
  async run(round) {
    const { effects, store, traits, signal } = round.scene;
    const config = await store.fresh();
    const sender = round.sender(config);
    const crew = round.crew(config);
    const victims = await crew.startAll(round.tasks, { concurrency: 1 });
    await sender.send(round.tasks, { first: forever });
    await until("all tasks have begun", () => round.isDone, signal);
    // It is idle when they die.
    await crew.startAll(1);
    const killedAt = new Map<string, number>();
    for (const victim of victims) {
      await round.pause(0, 500);
      killedAt.set(victim.name, monotonic());
      await victim.kill();
      round.happened("killed");
    }
    await round.drained(sender.engine);
    const runs = Map.groupBy(effects.of(round.first, round.first + round.tasks), ({ number }) => number);
    const timeOf = ([first, second]: readonly Effect[]): number =>
      (second?.at ?? Infinity) - (killedAt.get(first?.worker ?? "") ?? Infinity);
    const longest = Math.max(...[...runs.values()].map(timeOf));
    round.measured("recovery", longest);
    if (!(longest <= traits.recovery)) {
      const text = `${(longest / 1000).toFixed(1)} s, and not within ${traits.recovery / 1000} s`;
      round.problems.push(`a killed worker's task ran elsewhere after ${text}`);
    }
  },
};

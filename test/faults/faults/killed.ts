/** Workers are killed with SIGKILL: by the driver at random moments, and by themselves at chosen points. @module */
import type { Fault } from "../fault.ts";
import type { Crew, WorkerProcess } from "../processes.ts";
import type { Round } from "../round.ts";
import { following } from "../until.ts";
import { points } from "../worker-settings.ts";

const lease = 1000;

export const killed: Fault = {
  name: "killed",
  tasks: { share: 4 },
  unfit: () => undefined,
  async run(round) {
    const { store, isShort } = round.scene;
    const config = await store.fresh();
    const sender = round.sender(config);
    const crew = round.crew(config, lease);
    const team = new Team(round, crew, isShort ? 3 : 4);
    const sent = round.sendOver(sender, round.tasks, isShort ? 1000 : 20_000, {
      // So long that there are always some that run.
      first: () => round.random.below(200),
    });
    const sending = following(sent);
    const least = isShort ? 5 : 40;
    while (!sending.isOver || round.countOf("killed") < least) {
      await round.pause(20, isShort ? 250 : 700);
      await team.killOne();
    }
    await sent;
    await team.last();
    await round.drained(sender.engine);
  },
};

/** Workers, each replaced when it dies. */
class Team {
  readonly #round: Round;
  readonly #crew: Crew;
  #isOver = false;

  constructor(round: Round, crew: Crew, size: number) {
    this.#round = round;
    this.#crew = crew;
    for (let index = 0; index < size; index++) this.#start();
  }

  /** Kills one that takes tasks, at random; one that is only starting would lose nothing. */
  async killOne(): Promise<void> {
    const worker = this.#round.random.pick(this.#crew.living);
    if (worker === undefined) return;
    await worker.ready;
    await worker.kill();
  }

  /** From now on nobody dies: those who would by themselves are replaced. */
  async last(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#crew.living.filter(({ isDoomed }) => isDoomed).map((worker) => worker.kill()));
    await Promise.all(this.#crew.living.map((worker) => worker.ready));
  }

  #start(): void {
    const { random } = this.#round;
    // Half of them die by themselves, where it hurts most.
    const diesItself = !this.#isOver && random.below(2) === 0;
    const death = diesItself && { point: random.pick(points), after: 1 + random.below(40) };
    const worker = this.#crew.start(death ? { death } : {});
    void this.#replace(worker);
  }

  async #replace(worker: WorkerProcess): Promise<void> {
    await worker.ended;
    if (worker.hasFallen || this.#round.isClosed) return;
    this.#round.happened("killed");
    this.#start();
  }
}

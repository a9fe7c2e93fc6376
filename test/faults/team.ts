/** Workers of which some die all the time. @module */
import type { Crew, WorkerProcess } from "./processes.ts";
import type { Round } from "./round.ts";
import { points } from "./worker-settings.ts";

/** Workers, each replaced when it dies. */
export class Team {
  readonly #round: Round;
  readonly #crew: Crew;
  readonly #diesItself: boolean;
  #isOver = false;

  /** @param options `diesItself`: half of them die by themselves, where it hurts most */
  constructor(round: Round, crew: Crew, size: number, { diesItself = false } = {}) {
    this.#round = round;
    this.#crew = crew;
    this.#diesItself = diesItself;
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
    const isDoomed = this.#diesItself && !this.#isOver && random.below(2) === 0;
    const death = isDoomed && { point: random.pick(points), after: 1 + random.below(40) };
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

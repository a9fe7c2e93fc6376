/**
 * Buffered sending: what is enqueued in a transaction waits in memory for its commit. It is never sent before the
 * commit or after a rollback, and lost only if the process dies in between.
 *
 * @module
 */
import type { Engine, Outgoing } from "../engine.ts";
import { PetioleError } from "../errors.ts";
import type { Held, Scope, Sending } from "./scope.ts";
import { followable, told, type Strength } from "./strength.ts";

/** Holds in memory. */
export class Buffered implements Strength {
  readonly #engine: () => Engine;

  constructor(engine: () => Engine) {
    this.#engine = engine;
  }

  async hold(batch: readonly Outgoing[], scope: Scope): Promise<Sending> {
    const ids = batch.map(({ message }) => message.id);
    const sending: Sending = { state: "held", ids, cancelled: new Set() };
    scope.held.push({ batch: batch.map(followable), sending });
    return sending;
  }

  async committed(held: readonly Held[]): Promise<void> {
    await told(held, this.#send(held));
  }

  async #send(held: readonly Held[]): Promise<void> {
    const batch = held.flatMap((each) =>
      each.batch.filter(({ message }) => !each.sending.cancelled.has(message.id)),
    );
    try {
      await this.#engine().send(batch);
    } catch (cause) {
      for (const { sending } of held) sending.state = "refused";
      const some = batch.slice(0, 10).map(({ message }) => `${message.task} (${message.id})`);
      const others = batch.length > some.length ? ` and ${batch.length - some.length} more` : "";
      throw new PetioleError(
        "ERR_TASK_NOT_SENT",
        `The transaction was committed, but what was enqueued in it could not be sent: ${some.join(", ")}${others}. ` +
          "See the cause; enqueue them again.",
        { cause },
      );
    }
  }
}

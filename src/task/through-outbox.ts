/**
 * Sending through the outbox: what is enqueued in a transaction is a row in the user's own database, written by that
 * transaction, until a relay has sent it.
 *
 * @module
 */
import type { Outgoing } from "../engine.ts";
import type { Outbox } from "./outbox.ts";
import type { Relay } from "./relay.ts";
import type { Held, Scope, Sending } from "./scope.ts";
import { followable, sendAgain, told, withdrawAgain, withdrawIn, type Strength } from "./strength.ts";

/** Holds in the outbox. */
export class ThroughOutbox implements Strength {
  readonly #outbox: Outbox;
  readonly #relay: Relay;

  constructor(outbox: Outbox, relay: Relay) {
    this.#outbox = outbox;
    this.#relay = relay;
  }

  async hold(given: readonly Outgoing[], scope: Scope): Promise<Sending> {
    const { adapter } = scope;
    const batch = given.map(followable);
    await this.#withdrawAgain(scope);
    await this.#outbox.insert(adapter, batch, scope.handle);
    const ids = batch.map(({ message }) => message.id);
    // In the transaction that it belongs to by then: a savepoint's handle is of no use once that is released.
    const withdraw = (id: string): Promise<boolean> =>
      withdrawIn(scope, async ({ handle }) => {
        await this.#outbox.remove(adapter, [id], { transaction: handle });
        return true;
      });
    const sending: Sending = { state: "held", ids, cancelled: new Set(), withdraw };
    const held: Held = { batch, sending };
    // It may have ended meanwhile.
    const { state, held: others } = scope.present;
    if (state === "open") others.push(held);
    else if (state === "committed") await this.committed([held], scope);
    else sending.state = "rolled back";
    return sending;
  }

  /** Has there what was sent, and nothing else. */
  async committing(scope: Scope): Promise<void> {
    await this.#withdrawAgain(scope);
    await sendAgain(scope, (batch) => this.#outbox.insert(scope.adapter, batch, scope.handle));
  }

  /** Sends what is in the outbox. There it is safe, and nobody needs to wait for it. */
  async committed(held: readonly Held[], { adapter }: Scope): Promise<void> {
    void told(held, this.#relay.sendAll(adapter)).catch(() => {});
  }

  /** Withdraws once more what was called off. */
  async #withdrawAgain(scope: Scope): Promise<void> {
    const within = { transaction: scope.handle };
    await withdrawAgain(scope, (ids) => this.#outbox.remove(scope.adapter, ids, within));
  }
}

/**
 * Sending in the same database: what is enqueued in a transaction is a row of the engine's own there, written by that
 * transaction. The commit is the send, so nothing can come between them.
 *
 * @module
 */
import type { Engine, Outgoing, SentWithin, TransactionSql } from "../engine.ts";
import { PetioleError } from "../errors.ts";
import { Buffered } from "./buffered.ts";
import type { Held, Scope, Sending } from "./scope.ts";
import { followable, sendAgain, withdrawAgain, withdrawIn, type Strength } from "./strength.ts";

/** What a transaction has sent, with what the engine said of it. */
interface HeldWithin extends Held {
  readonly sent: SentWithin;
}

/** Holds in the engine's own tables, as rows that are not committed yet. */
export class SameDatabase implements Strength {
  readonly #engine: () => Engine;
  /** For the engine that a test puts in the place of the app's, which is in memory. */
  readonly #buffered: Buffered;

  constructor(engine: () => Engine) {
    this.#engine = engine;
    this.#buffered = new Buffered(engine);
  }

  /** The engine may have tables to make, which would have to wait for the transaction that waits for them. */
  async prepare(): Promise<void> {
    await this.#engine().open();
  }

  async hold(batch: readonly Outgoing[], scope: Scope): Promise<Sending> {
    const engine = this.#engine();
    if (!engine.sendWithin) return this.#buffered.hold(batch, scope);
    await this.#withdrawAgain(scope);
    const sent = await engine.sendWithin(batch, sqlIn(scope));
    const withdraw = (id: string): Promise<boolean> =>
      withdrawIn(scope, (present) => this.#withdraw(id, present));
    const sending: Sending = { state: "held", ids: sent.ids, cancelled: new Set(), withdraw };
    const held: HeldWithin = { batch, sending, sent };
    // It may have ended meanwhile.
    const { state, held: others } = scope.present;
    if (state === "open") others.push(held);
    else if (state === "committed") await this.committed([held]);
    else sending.state = "rolled back";
    return sending;
  }

  /** Has there what was sent, and nothing else. */
  async committing(scope: Scope): Promise<void> {
    await this.#withdrawAgain(scope);
    const engine = this.#engine();
    if (engine.sendWithin) {
      // Another may have taken its key since: its handle is given out.
      await sendAgain(scope, (batch) => engine.sendWithin!(batch.map(followable), sqlIn(scope)));
    }
  }

  async committed(held: readonly Held[]): Promise<void> {
    const inMemory = held.filter((each) => !isWithin(each));
    const sent = held.filter(isWithin);
    for (const { sending } of sent) sending.state = "sent";
    for (const each of sent) each.sent.committed();
    if (inMemory.length > 0) await this.#buffered.committed(inMemory);
  }

  /** Withdraws once more what was called off, so that its key is free and it is not there after the commit. */
  async #withdrawAgain(scope: Scope): Promise<void> {
    await withdrawAgain(scope, async (ids) => {
      for (const id of ids) await sentIn(scope, id)?.sent.withdraw([id], sqlIn(scope));
    });
  }

  /** Takes back what this transaction has sent. One that was sent before it is not its to take. */
  async #withdraw(id: string, present: Scope): Promise<boolean> {
    const own = sentIn(present, id);
    if (!own) return false;
    await own.sent.withdraw([id], sqlIn(present));
    own.sending.cancelled.add(id);
    return true;
  }
}

function isWithin(held: Held): held is HeldWithin {
  return "sent" in held;
}

/** What has sent a message in a transaction, or in one around it. */
function sentIn(scope: Scope | undefined, id: string): HeldWithin | undefined {
  if (!scope) return undefined;
  const isIt = ({ batch }: Held): boolean => batch.some(({ message }) => message.id === id);
  return scope.held.filter(isWithin).find(isIt) ?? sentIn(scope.parent, id);
}

/** One object for each, by which an engine may know it again. */
const sqls = new WeakMap<Scope, TransactionSql>();

/** SQL in a transaction. */
function sqlIn(scope: Scope): TransactionSql {
  const known = sqls.get(scope);
  if (known) return known;
  const { adapter, handle } = scope;
  const { sql, name, capabilities } = adapter;
  if (!sql) {
    throw new PetioleError(
      "ERR_TRANSACTION_UNSUPPORTED",
      `${name} cannot send in the same database: ${capabilities.lacks.sql ?? "it has no SQL"}. Nothing was sent. ` +
        'Use transactions: "buffered" in an app of its own for these transactions.',
    );
  }
  const made: TransactionSql = {
    dialect: sql.dialect,
    query: (text, parameters) => sql.query(text, parameters, { transaction: handle }),
  };
  sqls.set(scope, made);
  return made;
}

/**
 * Scopes: what an app knows of a transaction or a savepoint, and what waits for its commit.
 *
 * | scope is …  | because …                                      | enqueue in it          |
 * |-------------|------------------------------------------------|------------------------|
 * | open        | its work is under way                          | is held                |
 * | merged      | its savepoint was released                     | belongs to the parent  |
 * | committed   | the outermost commit is done                   | is sent at once        |
 * | rolled back | its work or its commit failed                  | `ERR_TRANSACTION_CLOSED` |
 *
 * @module
 */
import type { Outgoing } from "../engine.ts";
import { PetioleError } from "../errors.ts";
import type { OrmAdapter } from "../model/adapter.ts";

/** What has become of a send. */
export interface Sending {
  state: "held" | "sending" | "sent" | "rolled back" | "refused";
  /** Settles when what is being sent after the commit is sent, or refused. */
  done?: Promise<unknown>;
  /** For each message, its own id, or that of the task that holds its key. */
  ids: readonly string[];
  /** Ids of held messages that shall not be sent after all. */
  readonly cancelled: Set<string>;
  /** Takes back a message that is held elsewhere than in memory. `false` when this transaction has not sent it. */
  readonly withdraw?: (id: string) => Promise<boolean>;
}

/** Messages that wait for a commit. */
export interface Held {
  readonly batch: readonly Outgoing[];
  readonly sending: Sending;
}

/** One transaction or savepoint. */
export class Scope {
  readonly parent: Scope | undefined;
  readonly adapter: OrmAdapter;
  /** What the adapter takes to do something in it. */
  readonly handle: object;
  /** Resolves when it is committed, merged or rolled back. */
  readonly over: Promise<void>;
  /** Says that it is over. */
  readonly end: () => void;
  state: "open" | "merged" | "committed" | "rolled back" = "open";
  /** Set once its work is done: nothing shall be begun in it, for that could be done after its end. */
  ending: "commit" | "rollback" | undefined;
  held: Held[] = [];
  /** A savepoint in it was rolled back, and may have brought back what was withdrawn there. */
  isUndone = false;
  /** The same, whatever was withdrawn again since: it may have taken along what was sent meanwhile by what it is in. */
  hasUndone = false;
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(adapter: OrmAdapter, handle: object, parent: Scope | undefined) {
    this.adapter = adapter;
    this.handle = handle;
    this.parent = parent;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.over = promise;
    this.end = resolve;
  }

  /** The scope that what is done here belongs to. */
  get present(): Scope {
    return this.state === "merged" && this.parent ? this.parent.present : this;
  }

  /** Whether it, or one that it is in, is an open transaction of a database. */
  isOpenOn(database: object): boolean {
    const isOpenHere = this.adapter.database === database && this.state === "open";
    return isOpenHere || this.parent?.isOpenOn(database) === true;
  }

  /** The outermost of those around it, itself among them, that is ending or over. */
  get ended(): Scope | undefined {
    return this.parent?.ended ?? (this.state === "open" && this.ending === undefined ? undefined : this);
  }

  /** Does what must be done before it ends, and before those around it do. */
  async during<Result>(work: Promise<Result>): Promise<Result> {
    this.#underWay.add(work);
    try {
      return await (this.parent ? this.parent.during(work) : work);
    } finally {
      this.#underWay.delete(work);
    }
  }

  /** Resolves when all that must be done before it ends is done, or has failed. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
  }

  /** After the release of a savepoint: what it held is the parent's. */
  merge(parent: Scope): void {
    if (parent.state !== "open") {
      this.drop();
      throw closed("A savepoint ended after the transaction that it is in");
    }
    this.state = "merged";
    for (const held of this.held) parent.held.push(held);
    parent.isUndone ||= this.isUndone;
    parent.hasUndone ||= this.hasUndone;
    this.end();
  }

  /** After a rollback. */
  drop(): void {
    this.state = "rolled back";
    for (const { sending } of this.held) sending.state = "rolled back";
    if (this.parent) Object.assign(this.parent.present, { isUndone: true, hasUndone: true });
    this.end();
  }
}

/** The error of what comes too late. */
export function closed(what: string): PetioleError {
  return new PetioleError(
    "ERR_TRANSACTION_CLOSED",
    `${what}; nothing was sent. Await what a transaction starts before it ends.`,
  );
}

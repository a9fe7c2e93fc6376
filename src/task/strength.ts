/**
 * The three strengths of sending in a transaction, as one interface: what is enqueued inside is held until the outermost
 * commit, and is the engine's after it.
 *
 * @module
 */
import type { Outgoing } from "../engine.ts";
import type { Held, Scope, Sending } from "./scope.ts";

/** How what is enqueued in a transaction gets to the engine with its commit. */
export interface Strength {
  /** Before a transaction that the app begins: what cannot be done while one is open. */
  prepare?(): Promise<void>;
  /** Takes messages in a scope that is open, or was until now. Rejects when they cannot be part of it. */
  hold(batch: readonly Outgoing[], scope: Scope): Promise<Sending>;
  /** Before the outermost commit, in the transaction. Rejects when it shall not be committed. */
  committing?(scope: Scope): Promise<void>;
  /** After the outermost commit, with what was held in it. Rejects when that could not be sent. */
  committed(held: readonly Held[], scope: Scope): Promise<void>;
}

/** Tells of what is being sent what becomes of it. */
export async function told(held: readonly Held[], done: Promise<void>): Promise<void> {
  for (const { sending } of held) Object.assign(sending, { state: "sending", done: done.catch(() => {}) });
  await done;
  for (const { sending } of held) sending.state = "sent";
}

/** Withdraws once more what was called off, where a savepoint that was rolled back may have brought it back. */
export async function withdrawAgain(
  scope: Scope,
  withdraw: (ids: readonly string[]) => Promise<void>,
): Promise<void> {
  if (!scope.isUndone) return;
  scope.isUndone = false;
  const ids = new Set<string>();
  for (let each: Scope | undefined = scope; each; each = each.parent) {
    for (const { sending } of each.held) for (const id of sending.cancelled) ids.add(id);
  }
  try {
    if (ids.size > 0) await withdraw([...ids]);
  } catch (error) {
    scope.isUndone = true;
    throw error;
  }
}

/**
 * Sends once more, before the outermost commit, what is held, where a savepoint was rolled back: a transaction is one
 * connection, so a row of what is around a savepoint is undone with it when it was written while that was open.
 */
export async function sendAgain(
  scope: Scope,
  send: (batch: readonly Outgoing[]) => Promise<unknown>,
): Promise<void> {
  if (!scope.hasUndone) return;
  // Of a duplicate, nothing was written.
  const batch = scope.held.flatMap(({ batch, sending: { ids, cancelled } }) =>
    batch.filter(({ message: { id } }, index) => ids[index] === id && !cancelled.has(id)),
  );
  if (batch.length > 0) await send(batch);
}

/** Takes back a message that is a row of a transaction. One that is ending has it for good: then its end is waited for. */
export async function withdrawIn(
  scope: Scope,
  withdraw: (present: Scope) => Promise<boolean>,
): Promise<boolean> {
  const { present } = scope;
  if (present.ended === undefined) return present.during(withdraw(present));
  await present.ended.over;
  return false;
}

/** A message whose id is given out before it can be known whether its key is held. */
export function followable(outgoing: Outgoing): Outgoing {
  return outgoing.unique ? { ...outgoing, unique: { ...outgoing.unique, follow: true } } : outgoing;
}

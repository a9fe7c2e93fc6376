/**
 * Which containers are not whole yet, and what points at them: an instance of a class is given nothing that is filled
 * afterwards.
 *
 * What points at a container around it waits for it, and so does what that is in, and what points at that. Of several,
 * the outermost is enough to know.
 *
 * @module
 */

/** A container, on the way to be whole. */
export interface Waiting {
  /** It is whole. */
  isDone: boolean;
  /** Its level of nesting. */
  readonly level: number;
  /** The outermost container, not whole yet, that something in it points at. */
  waitsFor: Waiting | undefined;
}

/** Notes that something in a container points at another, whole or around it. */
export function wait(container: Waiting, on: Waiting | undefined): void {
  let open = on;
  while (open?.isDone) open = open.waitsFor;
  // What was passed on the way is passed once.
  if (on?.isDone) on.waitsFor = open;
  const { waitsFor } = container;
  if (open && (!waitsFor || waitsFor.isDone || open.level < waitsFor.level)) container.waitsFor = open;
}

/** Marks a container as whole, and tells the one around it; whether all of it is. */
export function finish(container: Waiting, around: Waiting | undefined): boolean {
  container.isDone = true;
  if (container.waitsFor === container) container.waitsFor = undefined;
  if (around) wait(around, container.waitsFor);
  return !container.waitsFor || container.waitsFor.isDone;
}

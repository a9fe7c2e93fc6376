/** Celery's builtin tasks that an engine does itself. @module */

/** Gathers results. */
export const accumulate = "celery.accumulate";

/** Each one's parameters, in the order in which they travel by position. */
const parameters: ReadonlyMap<string, readonly string[]> = new Map([
  ["celery.map", ["task", "it"]],
  ["celery.starmap", ["task", "it"]],
  ["celery.chunks", ["task", "it", "n"]],
  [accumulate, []],
]);

/** The parameters of a builtin task; undefined for all others. */
export function parametersOf(task: string): readonly string[] | undefined {
  return parameters.get(task);
}

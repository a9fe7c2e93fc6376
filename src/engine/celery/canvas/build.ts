/**
 * The functions that make a canvas.
 *
 * @module
 */
import type { Task } from "../../../task/task.ts";
import { Canvas } from "./canvas.ts";
import { elementOf, invalid } from "./elements.ts";
import type {
  AllGive,
  AllTake,
  CheckedAfter,
  CheckedChain,
  CheckedElement,
  CheckedElements,
  FirstTakes,
  FlatOf,
  GivesOf,
  HeaderGives,
  LastGives,
  NamedTask,
  Nothing,
  TakesOf,
} from "./types.ts";

/**
 * Tasks one after the other, each with the result of the one before as its payload; what has a payload of its own
 * (`task.signature(payload)`) does not look at that. After a group, the next gets the list of its results, as the body of
 * a chord.
 *
 * @throws PetioleError `ERR_OPTION_INVALID`
 *
 * @example
 * const handle = await chain(add, double, { task: "tasks.store", args: ["sums"] }).enqueue(app, { x: 2, y: 3 });
 */
export function chain<const Steps extends readonly [unknown, ...unknown[]]>(
  ...steps: CheckedChain<Steps> & Steps
): Canvas<FirstTakes<Steps>, LastGives<Steps>> {
  const given: readonly unknown[] = steps;
  if (given.length === 0) throw invalid("chain()", "given at least one step", "none");
  return new Canvas({
    kind: "chain",
    steps: given.map((each, index) => elementOf(each, `chain(): step ${index}`)),
  });
}

/**
 * Tasks side by side: it comes to the list of their results. Where it is given a payload, or follows something, each of
 * them gets that.
 *
 * @throws PetioleError `ERR_OPTION_INVALID`
 *
 * @example
 * const [small, large] = await (await group(scale.signature({ width: 200 }), scale.signature({ width: 800 })).enqueue(app)).result();
 */
export function group<const Members extends readonly unknown[]>(
  ...members: CheckedElements<Members> & Members
): Canvas<AllTake<Members>, AllGive<Members>, HeaderGives<Members>> {
  const given: readonly unknown[] = members;
  return new Canvas({
    kind: "group",
    tasks: given.map((each, index) => elementOf(each, `group(): member ${index}`)),
  });
}

/**
 * Tasks side by side, and a body that gets the list of their results when all have succeeded: it comes to what the body
 * gives. When one has failed, the body fails with Celery's `ChordError`, once all have ended. It needs results in Redis.
 *
 * @throws PetioleError `ERR_OPTION_INVALID`
 *
 * @example
 * const handle = await chord(urls.map((url) => count.signature({ url })), sum).enqueue(app);
 */
export function chord<const Members extends readonly unknown[], const Body>(
  header: CheckedElements<Members> & Members,
  body: CheckedAfter<Body, HeaderGives<Members>>,
): Canvas<AllTake<Members>, GivesOf<Body>> {
  const parts: readonly unknown[] = header;
  if (!Array.isArray(parts)) throw invalid("chord(): its header", "a list of tasks", parts);
  return new Canvas({
    kind: "chord",
    header: parts.map((each, index) => elementOf(each, `chord(): part ${index}`)),
    body: elementOf(body, "chord(): its body"),
  });
}

/**
 * A task for many payloads, some at a time: a group of messages each of which stands for so many of them, and comes to the
 * list of their results. It is Celery's `celery.starmap`: a Python worker runs one after the other, a TypeScript worker sends
 * a message for each, which needs results in Redis.
 *
 * Of a task of the app's, each item is a payload, whose properties the engine's option `tasks` names as `positional`; of
 * one by its name, each is the list of its arguments.
 *
 * @throws PetioleError `ERR_OPTION_INVALID`
 *
 * @example
 * const sums = await (await chunks({ task: "tasks.add" }, [[1, 2], [3, 4], [5, 6]], 2).enqueue(app)).result();
 */
export function chunks<Payload, Result, Known, Rows>(
  task: Task<Payload, Result, Known, Rows>,
  items: readonly NoInfer<Payload>[],
  size: number,
): Canvas<Nothing, Result[][], Result[][]>;
export function chunks<Result = unknown>(
  task: NamedTask<Result>,
  items: readonly (readonly unknown[])[],
  size: number,
): Canvas<Nothing, Result[][], Result[][]>;
export function chunks(task: unknown, items: readonly unknown[], size: number): Canvas {
  const element = elementOf(task, "chunks(): its task");
  if ((element.kind !== "task" || element.given !== undefined) && element.kind !== "named")
    throw invalid("chunks(): its task", "a task, or { task: name }", task);
  if (!Array.isArray(items)) throw invalid("chunks(): its items", "a list", items);
  if (!Number.isSafeInteger(size) || size < 1)
    throw invalid("chunks(): its size", "a number from 1 on", size);
  return new Canvas({ kind: "chunks", task: element, items: items as readonly unknown[], size });
}

/**
 * One task as a canvas, to be linked and stamped: a task of the app's, `task.signature(payload)`, which is immutable as
 * Celery calls it, or one by its name.
 *
 * @throws PetioleError `ERR_OPTION_INVALID`
 *
 * @example
 * await signature(add.signature({ x: 2, y: 3 })).link(store).linkError(report).stamp({ tenant: "ada" }).enqueue(app);
 */
export function signature<const One>(
  one: CheckedElement<One> & One,
): Canvas<TakesOf<One>, GivesOf<One>, FlatOf<One>> {
  return new Canvas(elementOf(one, "signature()"));
}

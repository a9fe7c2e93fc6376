/**
 * Handles of what was enqueued as a canvas.
 *
 * @module
 */
import type { AppContext } from "../../../task/app-context.ts";
import { makeHandle, notSent, type Handle, type WaitOptions } from "../../../task/handle.ts";
import type { Sending } from "../../../task/scope.ts";
import type { CanvasNode } from "../protocol/canvas-node.ts";

/** A canvas that was enqueued. */
export interface CanvasHandle<Gives> {
  /** Of the task whose result it comes to; of a group, the group's. */
  readonly id: string;

  /** A handle on each of its tasks, as they stand in it; without what is linked to them. */
  readonly tasks: readonly Handle<unknown>[];

  /**
   * What it comes to: of a chain what the last step returned, of a group the list of what its tasks did, of a chord what
   * the body did.
   *
   * @param options - `timeout`: how long to wait, for ever unless told; `signal`: gives up when it aborts
   * @throws TaskError, PetioleError as the handle of a task; of what did not succeed first. When a step of a chain, or a
   *   part of a chord, has not succeeded, what would have followed has not either
   */
  result(options?: WaitOptions): Promise<Gives>;

  /**
   * Calls off all of its tasks that have not ended.
   *
   * @returns whether there was anything left to call off
   */
  cancel(why?: string): Promise<boolean>;
}

/** Whose results a canvas comes to. */
type Outcome = Handle<unknown> | { readonly id: string; readonly parts: readonly Outcome[] };

/**
 * The handle of a canvas.
 *
 * @param held the id of the message that it is sent as: what a transaction holds of it
 */
export function canvasHandle(
  context: AppContext,
  node: CanvasNode,
  sending: Sending,
  held: string,
): CanvasHandle<unknown> {
  const tasks: Handle<unknown>[] = [];
  /** Calls off all of it while nothing of it is sent. */
  const withdrawn = async (): Promise<boolean> => {
    if (sending.state !== "held") return false;
    if (sending.withdraw !== undefined && !(await sending.withdraw(held))) return false;
    for (const id of [held, ...tasks.map((task) => task.id)]) sending.cancelled.add(id);
    return true;
  };
  const outcome = outcomeOf(node, (task, id) => {
    const handle = makeHandle(context, task, id, sending);
    const cancel = async (why?: string): Promise<boolean> => {
      if (sending.state !== "held") return handle.cancel(why);
      if (node.kind === "task" && (await withdrawn())) return true;
      throw notSent(task, id, "its canvas is sent when its transaction commits: cancel all of the canvas");
    };
    const single = { ...handle, cancel };
    tasks.push(single);
    return single;
  });
  return {
    id: outcome.id,
    tasks,
    result: (options) => resultOf(outcome, options),
    async cancel(why) {
      if (await withdrawn()) return true;
      const answers = await Promise.all(tasks.map((task) => task.cancel(why)));
      return answers.includes(true);
    },
  };
}

function outcomeOf(node: CanvasNode, make: (task: string, id: string) => Handle<unknown>): Outcome {
  switch (node.kind) {
    case "task":
      return make(node.task, node.id);
    case "chain":
      return node.steps.map((step) => outcomeOf(step, make)).at(-1)!;
    case "chord":
      for (const part of node.header) outcomeOf(part, make);
      return outcomeOf(node.body, make);
    case "group":
      return { id: node.id, parts: node.tasks.map((task) => outcomeOf(task, make)) };
  }
}

async function resultOf(outcome: Outcome, { signal, ...options }: WaitOptions = {}): Promise<unknown> {
  const over = new AbortController();
  const either = signal ? AbortSignal.any([signal, over.signal]) : over.signal;
  try {
    return await allOf(outcome, { ...options, signal: either });
  } finally {
    // When one has failed, nobody waits for the others any more.
    over.abort();
  }
}

async function allOf(outcome: Outcome, options: WaitOptions): Promise<unknown> {
  if ("result" in outcome) return outcome.result(options);
  return Promise.all(outcome.parts.map((part) => allOf(part, options)));
}

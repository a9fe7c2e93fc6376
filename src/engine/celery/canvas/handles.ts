/**
 * Handles of what was enqueued as a canvas.
 *
 * @module
 */
import type { AppContext } from "../../../task/app-context.ts";
import { makeHandle, type Handle, type WaitOptions } from "../../../task/handle.ts";
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

/** The handle of a canvas. */
export function canvasHandle(context: AppContext, node: CanvasNode, sending: Sending): CanvasHandle<unknown> {
  const tasks: Handle<unknown>[] = [];
  const outcome = outcomeOf(node, (task, id) => {
    const handle = makeHandle(context, task, id, sending);
    tasks.push(handle);
    return handle;
  });
  return {
    id: outcome.id,
    tasks,
    result: (options) => resultOf(outcome, options),
    async cancel(why) {
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

async function resultOf(outcome: Outcome, options: WaitOptions | undefined): Promise<unknown> {
  if ("result" in outcome) return outcome.result(options);
  return Promise.all(outcome.parts.map((part) => resultOf(part, options)));
}

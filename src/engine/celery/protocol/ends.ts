/**
 * What ends with a task that did not succeed: the rest of its chain, of which each end is told, so that nobody waits for it.
 *
 * @module
 */
import { signatureList } from "./body.ts";
import { elementOf } from "./elements.ts";
import type { TaskEnd } from "./result.ts";
import { numberOption, textOption } from "./signature.ts";
import type { Signature } from "./signature.ts";

/** The end of a task, and where it is to be told besides the result backend. */
export interface EndToStore {
  readonly end: TaskEnd;
  readonly replyTo: string | undefined;
}

/** A task of a chord's header has ended. */
export interface ChordPart {
  /** The id of the header's group. */
  readonly group: string;
  /** Its place among the results; undefined is after all others. */
  readonly index: number | undefined;
  readonly end: TaskEnd;
  /** What follows the header: a signature's text. */
  readonly body: string;
  /** The first of all tasks that led to it. */
  readonly root: string;
}

/** What ends, and which chords hear of it. */
export interface Ends {
  readonly ends: EndToStore[];
  readonly parts: ChordPart[];
  /** Whose ends are among them: a message from anyone may have very many. */
  readonly ids: Set<string>;
}

/** Nothing has ended yet. */
export function noEnds(): Ends {
  return { ends: [], parts: [], ids: new Set() };
}

/** Puts into `into` that all steps of a chain, in Celery's order, end so. */
export function endChain(
  chain: readonly string[],
  end: TaskEnd,
  path: string,
  root: string,
  into: Ends,
  counts = true,
): void {
  for (let index = chain.length - 1; index >= 0; index--)
    endAll(chain[index]!, end, `${path}[${index}]`, root, into, counts);
}

/** Puts into `into` that all tasks of a canvas end so. Those of a chord's header count for nobody: its body ends, too. */
export function endAll(
  text: string,
  end: TaskEnd,
  path: string,
  root: string,
  into: Ends,
  counts = true,
): void {
  const element = elementOf(text, path);
  const { signature } = element;
  const id = textOption(signature, "task_id");
  const tell = (): void => {
    if (id === undefined || into.ids.has(id)) return;
    into.ids.add(id);
    into.ends.push({ end: endLike(end, id, signature), replyTo: textOption(signature, "reply_to") });
  };
  if (element.kind === "task" && id !== undefined) {
    tell();
    const body = signature.options.get("chord") ?? "null";
    const group = textOption(signature, "group_id");
    if (counts && body !== "null" && group !== undefined)
      into.parts.push({
        group,
        index: numberOption(signature, "group_index"),
        end: endLike(end, id, signature),
        body,
        root,
      });
  }
  if (element.kind === "group" || element.kind === "chain")
    for (const [index, task] of element.tasks.entries())
      endAll(task, end, `${path}.kwargs.tasks[${index}]`, root, into, counts);
  if (element.kind === "chord") {
    for (const [index, task] of element.header.entries())
      endAll(task, end, `${path}.kwargs.header[${index}]`, root, into, false);
    endAll(element.body, end, `${path}.kwargs.body`, root, into, counts);
  }
  // Of a chain that is its last step's id: whoever waits for that is told where that one's end is told.
  if (element.kind !== "task") tell();
  const rest = `${path}.options.chain`;
  endChain(signatureList(signature.options.get("chain") ?? "null", rest), end, rest, root, into, counts);
}

function endLike(end: TaskEnd, id: string, signature: Signature): TaskEnd {
  const { status, state, reason, endedAt, worker, traceback } = end;
  const groupId = textOption(signature, "group_id");
  return {
    id,
    status,
    state,
    endedAt,
    task: signature.task,
    attempts: 0,
    ...(reason !== undefined && { reason }),
    ...(worker !== undefined && { worker }),
    ...(traceback !== undefined && { traceback }),
    ...(groupId !== undefined && { groupId }),
  };
}

/**
 * What users make a canvas of, checked.
 *
 * @module
 */
import { PetioleError, describe } from "../../../errors.ts";
import { Signature, TaskWith, type SignedTask, type StepOptions } from "../../../task/signature.ts";
import { Task } from "../../../task/task.ts";
import type { NamedTask, Stamps } from "./types.ts";

/** Where a canvas has what it is made of. */
export const canvasElement: unique symbol = Symbol("petiole.canvas");

/** What every element may have. */
export interface Extras {
  readonly link?: readonly Element[];
  readonly linkError?: readonly Element[];
  readonly stamps?: Stamps;
}

/** A task of the app's. */
export interface TaskElement extends Extras {
  readonly kind: "task";
  readonly task: SignedTask;
  readonly options: StepOptions;
  readonly given?: { readonly payload: unknown };
}

/** A task by its name. */
export interface NamedElement extends Extras {
  readonly kind: "named";
  readonly named: NamedTask;
}

/** A canvas, as it was made. */
export type Element =
  | TaskElement
  | NamedElement
  | (Extras & { readonly kind: "chain"; readonly steps: readonly Element[] })
  | (Extras & { readonly kind: "group"; readonly tasks: readonly Element[] })
  | (Extras & { readonly kind: "chord"; readonly header: readonly Element[]; readonly body: Element })
  | (Extras & {
      readonly kind: "chunks";
      readonly task: TaskElement | NamedElement;
      readonly items: readonly unknown[];
      readonly size: number;
    });

/**
 * What somebody has given, as an element.
 *
 * @throws PetioleError `ERR_OPTION_INVALID` for what is none
 */
export function elementOf(value: unknown, where: string): Element {
  if (typeof value === "object" && value !== null && canvasElement in value)
    return value[canvasElement] as Element;
  if (value instanceof Task) return { kind: "task", task: value, options: {} };
  if (value instanceof TaskWith) return { kind: "task", task: value.task, options: value.options };
  if (value instanceof Signature)
    return { kind: "task", task: value.task, options: value.options, given: { payload: value.payload } };
  if (typeof value === "object" && value !== null && "task" in value)
    return { kind: "named", named: checkedNamed(value as NamedTask, where) };
  throw invalid(
    where,
    "a task, task.with(options), task.signature(payload), { task: name, args, kwargs }, or another canvas",
    value,
  );
}

function checkedNamed(named: NamedTask, where: string): NamedTask {
  const {
    task,
    args = [],
    kwargs = {},
    immutable = false,
    queue,
  } = named as Readonly<Partial<Record<keyof NamedTask, unknown>>>;
  if (typeof task !== "string" || task === "") throw invalid(`${where}.task`, "a task's name", task);
  if (!Array.isArray(args)) throw invalid(`${where}.args`, "a list of arguments", args);
  if (typeof kwargs !== "object" || kwargs === null || Array.isArray(kwargs))
    throw invalid(`${where}.kwargs`, "an object of arguments", kwargs);
  if (typeof immutable !== "boolean") throw invalid(`${where}.immutable`, "true or false", immutable);
  if (queue !== undefined && (typeof queue !== "string" || queue === ""))
    throw invalid(`${where}.queue`, "a queue's name", queue);
  const other = Object.keys(named).find((name) => !known.has(name));
  if (other !== undefined) throw invalid(where, `an object of ${[...known].join(", ")}`, other);
  return named;
}

const known: ReadonlySet<string> = new Set(["task", "args", "kwargs", "immutable", "queue"]);

/** Options of Celery's signatures, which stamps lie beside. */
const reserved: ReadonlySet<string> = new Set(
  (
    "task_id reply_to queue exchange exchange_type routing_key priority countdown eta expires expiration time_limit soft_time_limit " +
    "ignore_result shadow compression serializer link link_error headers stamped_headers chain chord group_id group_index " +
    "root_id parent_id retries retry retry_policy replaced_task_nesting producer publisher connection router result_cls " +
    "add_to_parent route_name task_type args kwargs name task_args task_kwargs app immutable visitor append_stamps"
  ).split(" "),
);

/** The element with more of these. */
export function withExtras(element: Element, { link = [], linkError = [], stamps = {} }: Extras): Element {
  if (typeof stamps !== "object" || stamps === null || Array.isArray(stamps))
    throw invalid("stamp()", "given names and values", stamps);
  for (const name of Object.keys(stamps))
    if (reserved.has(name) || name === "")
      throw invalid("stamp()", "given names that Celery has no option for", name);
  if (link.length > 0 && endsInGroup(element))
    throw new PetioleError(
      "ERR_OPTION_INVALID",
      "link() of a group, or of what ends in one: nothing is sent after a group. Make a chord of it, chord(tasks, body), or link its tasks.",
    );
  return {
    ...element,
    link: [...(element.link ?? []), ...link],
    linkError: [...(element.linkError ?? []), ...linkError],
    stamps: { ...element.stamps, ...stamps },
  };
}

/** Whether it comes to the results of a group. */
function endsInGroup(element: Element): boolean {
  switch (element.kind) {
    case "group":
    case "chunks":
      return true;
    case "chain":
      return endsInGroup(element.steps.at(-1)!);
    case "chord":
      return endsInGroup(element.body);
    default:
      return false;
  }
}

/** The error for what cannot be a part of a canvas. */
export function invalid(where: string, expected: string, value: unknown): PetioleError {
  return new PetioleError("ERR_OPTION_INVALID", `${where} must be ${expected}; it got ${describe(value)}.`);
}

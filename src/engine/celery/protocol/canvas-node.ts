/**
 * A canvas as it travels to the engine, in the header `celery` of one message.
 *
 * @module
 */
import { describe } from "../../../errors.ts";
import type { Json, Message } from "../../../message.ts";
import { maxLevels } from "./elements.ts";
import { isObject, malformed } from "./malformed.ts";

/** Engines that take a canvas have this. */
export const takesCanvas: unique symbol = Symbol("petiole.takesCanvas");

/** What every part of a canvas may have. */
interface NodeExtras {
  /** Sent after its success, and after its failure. */
  readonly link?: readonly CanvasNode[];
  readonly linkError?: readonly CanvasNode[];
}

/** One task. Times in milliseconds. */
export interface TaskNode extends NodeExtras {
  readonly kind: "task";
  readonly id: string;
  readonly task: string;
  readonly queue?: string;
  /** Wire text; without one, and without `call`, it takes the result of what is before it. */
  readonly payload?: string;
  /** A task by its name alone, of another language: its arguments as Python's JSON. */
  readonly call?: { readonly args: readonly string[]; readonly kwargs: string; readonly immutable: boolean };
  /** What calls another task, for each of these: payloads of it, or, where it is by name, lists of arguments. */
  readonly chunk?: { readonly task: string; readonly items: readonly string[]; readonly isNamed: boolean };
  readonly headers: { readonly [name: string]: Json };
  readonly delay?: number;
  readonly runAt?: number;
  readonly expires?: number;
  readonly expiresIn?: number;
  readonly stamps?: Readonly<Record<string, Json>>;
}

/** A canvas: one task, or others. */
export type CanvasNode =
  | TaskNode
  | (NodeExtras & { readonly kind: "chain"; readonly steps: readonly CanvasNode[] })
  | (NodeExtras & { readonly kind: "group"; readonly id: string; readonly tasks: readonly CanvasNode[] })
  | (NodeExtras & {
      readonly kind: "chord";
      readonly id: string;
      readonly header: readonly CanvasNode[];
      readonly body: CanvasNode;
    });

/**
 * The canvas of a message, where it has one. It may be a stranger's: what sends a batch must know what is in it.
 *
 * @throws DecodeError for what is none of this engine's
 */
export function canvasOf({ headers }: Message): CanvasNode | undefined {
  const celery = headers["celery"];
  const canvas = isObject(celery) ? celery["canvas"] : undefined;
  if (canvas === undefined) return undefined;
  refuseForged(canvas, "headers.celery.canvas");
  return canvas as unknown as CanvasNode;
}

/** Whether it is made as {@link CanvasNode} says, as deep as its signature may be. */
function refuseForged(node: unknown, path: string, level = 0): void {
  if (level > maxLevels) throw malformed(path, `at most ${maxLevels} levels of canvas`, "more");
  if (!isObject(node)) throw malformed(path, "a canvas of this engine's", describe(node));
  const all = (name: string): void => {
    const nodes = node[name];
    if (!Array.isArray(nodes)) throw malformed(`${path}.${name}`, "a list", describe(nodes));
    for (const [index, each] of nodes.entries()) refuseForged(each, `${path}.${name}[${index}]`, level + 1);
  };
  for (const name of ["link", "linkError"]) if (node[name] !== undefined) all(name);
  switch (node["kind"]) {
    case "task":
      return refuseFields(node, path, taskFields);
    case "chain":
      return all("steps");
    case "group":
      refuseFields(node, path, { id: isText });
      return all("tasks");
    case "chord":
      refuseFields(node, path, { id: isText });
      all("header");
      return refuseForged(node["body"], `${path}.body`, level + 1);
    default:
      throw malformed(`${path}.kind`, "task, chain, group or chord", describe(node["kind"]));
  }
}

type Fields = Readonly<Record<string, (value: unknown) => boolean>>;

function refuseFields(node: Readonly<Record<string, unknown>>, path: string, fields: Fields): void {
  for (const [name, is] of Object.entries(fields))
    if (!is(node[name])) throw malformed(`${path}.${name}`, "as this engine writes it", describe(node[name]));
}

const isText = (value: unknown): boolean => typeof value === "string";
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText);
const orNone =
  (is: (value: unknown) => boolean) =>
  (value: unknown): boolean =>
    value === undefined || is(value);
/** What `Date` has. */
const orNoTime = orNone((value) => typeof value === "number" && Math.abs(value) <= 8.64e15);

const taskFields: Fields = {
  id: isText,
  task: isText,
  queue: orNone(isText),
  payload: orNone(isText),
  headers: isObject,
  stamps: orNone(isObject),
  delay: orNoTime,
  runAt: orNoTime,
  expires: orNoTime,
  expiresIn: orNoTime,
  call: orNone(
    (call) =>
      isObject(call) &&
      isTexts(call["args"]) &&
      isText(call["kwargs"]) &&
      typeof call["immutable"] === "boolean",
  ),
  chunk: orNone(
    (chunk) =>
      isObject(chunk) &&
      isText(chunk["task"]) &&
      isTexts(chunk["items"]) &&
      typeof chunk["isNamed"] === "boolean",
  ),
};

/**
 * What a canvas is made of: a signature of Celery's stands for one task, or for a chain, a group or a chord of others.
 *
 * @module
 */
import { signatureList } from "./body.ts";
import { LimitError, describe } from "../../../errors.ts";
import { defaultMaxBytes } from "./compression.ts";
import { malformed } from "./malformed.ts";
import { itemsOf, membersOf } from "./pieces.ts";
import { objectOf, signatureOf, valueOf, withFields } from "./signature.ts";
import type { Signature } from "./signature.ts";

/** A signature, told apart. Its parts as the texts that they came as. */
export type Element =
  | { readonly kind: "task"; readonly signature: Signature }
  | { readonly kind: "chain" | "group"; readonly signature: Signature; readonly tasks: readonly string[] }
  | {
      readonly kind: "chord";
      readonly signature: Signature;
      readonly header: readonly string[];
      readonly body: string;
      /** Arguments by name, for the tasks of the header. */
      readonly given: string;
    };

/** Canvas in canvas, this deep at most: each level is read by recursion. */
export const maxLevels = 50;

/**
 * Reads a signature, and tells what it stands for.
 *
 * @param path where it stands, for errors
 * @throws DecodeError when it is none
 */
export function elementOf(text: string, path: string): Element {
  const signature = signatureOf(text, path);
  const { task } = signature;
  if (task === "celery.chunks") partsOfChunks(signature, path);
  if (task !== "celery.chain" && task !== "celery.group" && task !== "celery.chord")
    return { kind: "task", signature };
  const kwargs = new Map(
    membersOf(signature.kwargs, `${path}.kwargs`).map(({ name, value }) => [name, value]),
  );
  if (task !== "celery.chord") {
    const tasks = signatureList(kwargs.get("tasks") ?? "null", `${path}.kwargs.tasks`);
    return { kind: task === "celery.chain" ? "chain" : "group", signature, tasks };
  }
  const body = kwargs.get("body") ?? "null";
  if (body === "null") throw malformed(`${path}.kwargs.body`, "what follows the chord's header", "nothing");
  return {
    kind: "chord",
    signature,
    header: headerOf(kwargs.get("header") ?? "null", `${path}.kwargs.header`),
    body,
    given: kwargs.get("kwargs") ?? "{}",
  };
}

/** A header is a group, a chain, whose tasks it takes, or a list. */
function headerOf(text: string, path: string): readonly string[] {
  if (!text.trimStart().startsWith("{")) return signatureList(text, path);
  const element = elementOf(text, path);
  return element.kind === "group" || element.kind === "chain" ? element.tasks : [text];
}

/**
 * What it is where something follows it. Celery's chunks are one message, done by whoever takes it; but what a Python worker
 * would hand on are ids, so that here they are a group of `celery.starmap`, each over so many of the arguments.
 */
export function spread(element: Element, path: string): Element {
  const { signature } = element;
  if (signature.task !== "celery.chunks") return element;
  const { task, items, size } = partsOfChunks(signature, path);
  const tasks: string[] = [];
  for (let at = 0; at < items.length; at += size) tasks.push(starmapText(task, items.slice(at, at + size)));
  return elementOf(groupText(tasks, objectOf(signature.options)), path);
}

/** What is called so many at a time. */
function partsOfChunks(
  signature: Signature,
  path: string,
): { readonly task: string; readonly items: readonly string[]; readonly size: number } {
  const kwargs = new Map(
    membersOf(signature.kwargs, `${path}.kwargs`).map(({ name, value }) => [name, value]),
  );
  const size = valueOf(kwargs.get("n"));
  if (!Number.isSafeInteger(size) || (size as number) < 1)
    throw malformed(`${path}.kwargs.n`, "how many go into a chunk, from 1 on", describe(size));
  const task = kwargs.get("task") ?? "null";
  signatureOf(task, `${path}.kwargs.task`);
  const items = itemsOf(kwargs.get("it") ?? "null", `${path}.kwargs.it`);
  // Before there is a text for each of them.
  const repeated = Math.ceil(items.length / (size as number)) * task.length;
  if (repeated > defaultMaxBytes)
    throw new LimitError(`The task that the chunks of ${path} repeat`, "bytes", defaultMaxBytes, repeated);
  return { task, items, size: size as number };
}

/** A signature that calls a task with each of these lists of arguments, one after the other. */
export function starmapText(task: string, items: readonly string[], options = "{}"): string {
  return elementText("celery.starmap", {
    kwargs: `{"task":${task},"it":[${items.join(",")}]}`,
    options,
    immutable: true,
  });
}

/** The text of a group of these. */
export function groupText(tasks: readonly string[], options = "{}"): string {
  return elementText("celery.group", {
    kwargs: `{"tasks":[${tasks.join(",")}]}`,
    options,
    type: "group",
  });
}

/** The text of a chain of these. */
export function chainText(tasks: readonly string[], options = "{}"): string {
  return elementText("celery.chain", {
    kwargs: `{"tasks":[${tasks.join(",")}]}`,
    options,
    type: "chain",
  });
}

/** The text of a chord: the header's tasks, and what gets all of their results. */
export function chordText(header: readonly string[], body: string, options = "{}"): string {
  return elementText("celery.chord", {
    kwargs: `{"kwargs":{},"header":${groupText(header)},"body":${body}}`,
    options,
    type: "chord",
  });
}

interface SignatureParts {
  readonly args?: readonly string[];
  readonly kwargs?: string;
  readonly options?: string;
  readonly type?: "group" | "chain" | "chord";
  readonly immutable?: boolean;
}

/** The text of a signature, whole: Python reads all of its fields. */
export function elementText(
  task: string,
  { args = [], kwargs = "{}", options = "{}", type, immutable = false }: SignatureParts,
): string {
  return (
    `{"task":${JSON.stringify(task)},"args":[${args.join(",")}],"kwargs":${kwargs},"options":${options},` +
    `"subtask_type":${type === undefined ? "null" : `"${type}"`},"immutable":${String(immutable)}}`
  );
}

/** The same element with other parts. */
export function withParts(
  { signature }: Element,
  parts:
    | { readonly tasks: readonly string[] }
    | { readonly header: readonly string[]; readonly body: string },
): string {
  const others = membersOf(signature.kwargs, "signature.kwargs").filter(
    ({ name }) => name !== "tasks" && name !== "header" && name !== "body",
  );
  const texts = others.map(({ key, value }) => `${key}:${value}`);
  const own =
    "tasks" in parts
      ? [`"tasks":[${parts.tasks.join(",")}]`]
      : [`"header":[${parts.header.join(",")}]`, `"body":${parts.body}`];
  return withFields(signature.text, { kwargs: `{${[...texts, ...own].join(",")}}` });
}

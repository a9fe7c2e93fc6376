/**
 * How much a canvas comes to when it is sent: what is said once in it is in each message that needs it.
 *
 * @module
 */
import { LimitError } from "../../../errors.ts";
import { signatureList } from "./body.ts";
import { defaultMaxBytes } from "./compression.ts";
import { elementOf, spread } from "./elements.ts";
import type { Element } from "./elements.ts";
import type { Signature } from "./signature.ts";

/**
 * Refuses what would be repeated more than that: each task of a chord's header has the body in it, each of a group what
 * its chain goes on with, each step of a chain the chain's errbacks.
 *
 * @param repeated so many bytes
 * @param once how many of them stand in the canvas
 * @throws LimitError
 */
export function refuseRepeated(
  repeated: number,
  once: number,
  path: string,
  maxBytes: number = defaultMaxBytes,
): void {
  const more = repeated - once;
  if (more > maxBytes)
    throw new LimitError(
      `What ${path} repeats in its messages, the body of a chord or the errbacks of a chain for each task,`,
      "bytes",
      maxBytes,
      more,
    );
}

/** The bytes that its first messages have of others, each of which also has these. */
export function sentWith(text: string, path: string, carried: number): number {
  const element = spread(elementOf(text, path), path);
  const { signature } = element;
  switch (element.kind) {
    case "task":
      return carried;
    case "group": {
      const each = carried + ofEach(signature) + chainOf(signature);
      // Of chunks there is more than stands in the canvas, where something follows them.
      const made = Math.max(sum(element.tasks, (task) => task.length) - text.length, 0);
      return made + sum(element.tasks, (task) => sentWith(task, path, each));
    }
    case "chain": {
      const [first, ...rest] = element.tasks;
      if (first === undefined) return 0;
      const { errbacks, all } = linksOf(signature, path);
      const after =
        sum(rest, (step) => frozenWith(step, path, errbacks)) + carried + all + chainOf(signature);
      return copied(element, path) + sentWith(first, path, after + errbacks + argsOf(signature));
    }
    case "chord": {
      const body = frozenWith(element.body, path, carried + chainOf(signature));
      const each = body + element.given.length + argsOf(signature) + ofEach(signature);
      return sum(element.header, (task) => sentWith(task, path, each));
    }
  }
}

/** The bytes of its text once all of its tasks know what they are part of, each of those that end it with these. */
function frozenWith(text: string, path: string, carried: number): number {
  const element = spread(elementOf(text, path), path);
  const { signature } = element;
  switch (element.kind) {
    case "task":
      return text.length + carried;
    case "group":
      return text.length + sum(element.tasks, (task) => frozenWith(task, path, carried));
    case "chain": {
      const { errbacks, all } = linksOf(signature, path);
      const last = element.tasks.length - 1;
      return (
        copied(element, path) +
        sum(element.tasks, (step, index) =>
          frozenWith(step, path, errbacks + (index === last ? carried + all : 0)),
        )
      );
    }
    case "chord":
      return (
        sum(element.header, (task) => frozenWith(task, path, 0)) + frozenWith(element.body, path, carried)
      );
  }
}

/** Each group that something follows becomes a chord, with all that follows in its body. */
function copied(element: Extract<Element, { kind: "chain" | "group" }>, path: string): number {
  let after = 0;
  let bytes = 0;
  for (const step of element.tasks.toReversed()) {
    if (after > 0 && endsInGroup(step, path)) bytes += after;
    after += step.length;
  }
  return bytes;
}

/** Whether it gives the results of a group, which what follows makes a chord of. */
export function endsInGroup(text: string, path: string): boolean {
  const element = spread(elementOf(text, path), path);
  if (element.kind !== "chain") return element.kind === "group";
  const last = element.tasks.at(-1);
  return last !== undefined && endsInGroup(last, path);
}

function sum(texts: readonly string[], of: (text: string, index: number) => number): number {
  return texts.reduce((all, text, index) => all + of(text, index), 0);
}

function linksOf({ options }: Signature, path: string): { readonly errbacks: number; readonly all: number } {
  const bytes = (name: string): number =>
    sum(signatureList(options.get(name) ?? "null", path), (text) => text.length);
  const errbacks = bytes("link_error");
  return { errbacks, all: errbacks + bytes("link") };
}

function chainOf({ options }: Signature): number {
  return options.get("chain")?.length ?? 0;
}

function argsOf({ args }: Signature): number {
  return sum(args, (text) => text.length);
}

/** Options that each of its tasks gets. */
function ofEach({ options }: Signature): number {
  let bytes = 0;
  for (const [name, text] of options) if (!notOfEach.has(name)) bytes += text.length;
  return bytes;
}

const notOfEach: ReadonlySet<string> = new Set(["task_id", "reply_to", "chain", "link", "link_error"]);

/**
 * Freezing a canvas, as Celery calls it: each of its tasks gets its id, and those that a chord waits for what that chord
 * is, so that their messages can be sent one by one.
 *
 * @module
 */
import { chordText, elementOf, spread, withParts } from "./elements.ts";
import type { Element } from "./elements.ts";
import { signatureList } from "./body.ts";
import { signatureOf, textOption, withSignatureOptions } from "./signature.ts";

/** What a canvas is part of. */
export interface Place {
  /** Where it stands: for errors, and for ids. */
  readonly role: string;
  /** Makes an id for what stands there and has none. */
  readonly newId: (role: string) => string;
  /** The group that it is a part of. */
  readonly groupId?: string | undefined;
  readonly groupIndex?: number | undefined;
  /** What a chord that waits for it does then: a signature's text. */
  readonly chord?: string | undefined;
}

/** The text of a canvas whose tasks all have their ids. One that is frozen stays as it is, but for what it is part of. */
export function frozen(text: string, place: Place): string {
  const element = elementOf(text, place.role);
  const { role } = place;
  switch (element.kind) {
    case "task":
      return frozenTask(element, place);
    case "group": {
      const own = textOption(element.signature, "task_id") ?? place.newId(role);
      const groupId = place.groupId ?? own;
      const tasks = flattened(element.tasks, `${role}.kwargs.tasks`).map((task, groupIndex) =>
        frozen(task, { ...place, role: `${role}.kwargs.tasks[${groupIndex}]`, groupId, groupIndex }),
      );
      return withSignatureOptions(signatureOf(withParts(element, { tasks }), role), {
        task_id: JSON.stringify(own),
      });
    }
    case "chain": {
      const steps = stepsOf(element, role);
      const last = steps.length - 1;
      const { newId } = place;
      const tasks = steps.map((step, index) => {
        const at = `${role}.kwargs.tasks[${index}]`;
        // Celery's chains have the id of their last step.
        const id = textOption(element.signature, "task_id");
        const isNamed = index === last && id !== undefined;
        return frozen(step, {
          ...(index === last ? place : { newId }),
          role: at,
          ...(isNamed && { newId: (asked: string) => (asked === at ? id : newId(asked)) }),
        });
      });
      // The id that Celery fails, where the chain is a chord's body and a part of that has failed.
      const result = tasks.length === 0 ? undefined : resultOf(tasks.at(-1)!, role);
      return withSignatureOptions(signatureOf(withParts(element, { tasks }), role), {
        task_id: typeof result === "string" ? JSON.stringify(result) : undefined,
      });
    }
    case "chord": {
      const own = textOption(element.signature, "task_id") ?? place.newId(role);
      const { newId } = place;
      // Their group is said when it begins: a task of Python's that replaces itself gives what follows it another.
      const header = flattened(element.header, `${role}.kwargs.header`).map((task, groupIndex) =>
        frozen(task, { newId, role: `${role}.kwargs.header[${groupIndex}]`, groupIndex }),
      );
      const body = frozen(element.body, { ...place, role: `${role}.kwargs.body` });
      return withSignatureOptions(signatureOf(withParts(element, { header, body }), role), {
        task_id: JSON.stringify(own),
      });
    }
  }
}

function frozenTask({ signature }: Element, { role, newId, groupId, groupIndex, chord }: Place): string {
  const own = textOption(signature, "task_id");
  const group = textOption(signature, "group_id") ?? groupId;
  return withSignatureOptions(signature, {
    task_id: own === undefined ? JSON.stringify(newId(role)) : undefined,
    // Which group it counts for is settled once, by the one that is closest.
    group_id: group === undefined ? undefined : JSON.stringify(group),
    group_index: groupIndex === undefined ? undefined : String(groupIndex),
    chord,
  });
}

/** The tasks of a group, with those of the groups in it in their places. */
export function flattened(tasks: readonly string[], path: string): readonly string[] {
  return tasks.flatMap((text, index) => {
    const at = `${path}[${index}]`;
    const element = elementOf(text, at);
    return element.kind === "group" ? flattened(element.tasks, at) : [text];
  });
}

/**
 * The steps of a chain, in their order: those of chains in it in their places, and a group that something follows as the
 * header of a chord.
 */
export function stepsOf(
  element: Extract<Element, { kind: "chain" | "group" }>,
  role: string,
): readonly string[] {
  const { signature } = element;
  const steps: string[] = [];
  // From its end, as what follows a group becomes its body.
  for (const text of unchained(element.tasks, role).toReversed()) {
    const next = steps.at(0);
    const step = next === undefined ? undefined : spread(elementOf(text, role), role);
    if (next !== undefined && step?.kind === "group") steps[0] = chordOf(step, next);
    else steps.unshift(text);
  }
  const links = signatureList(signature.options.get("link") ?? "null", `${role}.options.link`);
  const errbacks = signatureList(signature.options.get("link_error") ?? "null", `${role}.options.link_error`);
  if (links.length === 0 && errbacks.length === 0) return steps;
  return steps.map((step, index) =>
    linked(step, { link: index === steps.length - 1 ? links : [], link_error: errbacks }, role),
  );
}

function unchained(tasks: readonly string[], role: string): readonly string[] {
  return tasks.flatMap((text, index) => {
    const at = `${role}.kwargs.tasks[${index}]`;
    const element = elementOf(text, at);
    if (element.kind === "chain") return stepsOf(element, at);
    // A group of one is that one: Celery's way.
    const [only] = element.kind === "group" ? element.tasks : [];
    return element.kind === "group" && element.tasks.length === 1 ? unchained([only!], at) : [text];
  });
}

/** A group and what follows it, as a chord of the group's id. */
export function chordOf(
  { signature, ...group }: Extract<Element, { kind: "chain" | "group" }>,
  body: string,
): string {
  const options = [...signature.options].map(([name, value]) => `${JSON.stringify(name)}:${value}`);
  return chordText(group.tasks, body, `{${options.join(",")}}`);
}

/** With more callbacks than it has: of a chord its body has them. */
function linked(
  text: string,
  more: Readonly<Record<"link" | "link_error", readonly string[]>>,
  role: string,
): string {
  const element = elementOf(text, role);
  const { signature } = element;
  if (element.kind === "chord")
    return withParts(element, { header: element.header, body: linked(element.body, more, `${role}.body`) });
  if (element.kind === "group")
    return withParts(element, { tasks: element.tasks.map((task) => linked(task, more, role)) });
  const listed = (name: "link" | "link_error"): string | undefined => {
    const own = signatureList(signature.options.get(name) ?? "null", `${role}.options.${name}`);
    const added = more[name].filter((each) => !own.includes(each));
    return added.length === 0 ? undefined : `[${[...own, ...added].join(",")}]`;
  };
  return withSignatureOptions(signature, { link: listed("link"), link_error: listed("link_error") });
}

/** How many ends of tasks a chord waits for that has this in its header. */
export function countOf(text: string, role: string): number {
  const element = elementOf(text, role);
  switch (element.kind) {
    case "task":
      return 1;
    case "group":
      return element.tasks.reduce((sum, task) => sum + countOf(task, role), 0);
    case "chord":
      return countOf(element.body, role);
    case "chain":
      return stepsOf(element, role).reduceRight(
        (found, step) => (found > 0 ? found : countOf(step, role)),
        0,
      );
  }
}

/** An id, or the ids in a group of that id: what Celery calls a result. */
export type ResultTree = string | { readonly id: string; readonly parts: readonly ResultTree[] };

/** Whose results a frozen canvas comes to; undefined for one that has no tasks. */
export function resultOf(text: string, role: string): ResultTree | undefined {
  const element = elementOf(text, role);
  const id = textOption(element.signature, "task_id") ?? "";
  switch (element.kind) {
    case "task":
      return id;
    case "chord":
      return resultOf(element.body, role);
    case "chain": {
      const last = stepsOf(element, role).at(-1);
      return last === undefined ? undefined : resultOf(last, role);
    }
    case "group":
      return { id, parts: element.tasks.flatMap((task) => resultOf(task, role) ?? []) };
  }
}

/**
 * Sending a canvas: the messages of what can run at once, and what the result backend has to know before they are sent.
 *
 * @module
 */
import { followed, ownChain, withArguments, withOptions } from "./changing.ts";
import { elementOf, spread } from "./elements.ts";
import type { Element } from "./elements.ts";
import { chordOf, countOf, flattened, frozen, resultOf, stepsOf } from "./freezing.ts";
import type { ResultTree } from "./freezing.ts";
import type { CeleryMessage } from "./message.ts";
import { textOption } from "./signature.ts";
import { messageOfStep } from "./step.ts";
import type { Origin } from "./step.ts";

/** A chord that begins. */
export interface ChordStart {
  /** The id of its header's group. */
  readonly group: string;
  /** How many ends of tasks it waits for. */
  readonly size: number;
  /** Whose results they are, where some of them are lists themselves. */
  readonly results?: ResultTree;
}

/** What a canvas comes to when it is sent. */
export interface Applied {
  readonly messages: CeleryMessage[];
  readonly chords: ChordStart[];
}

/** How a canvas is sent. */
export interface Application {
  readonly origin: Origin;
  /** Where it stands: for errors, and for the ids of what has none. */
  readonly role: string;
  /** Texts that come before its own arguments; not where it is immutable. */
  readonly args: readonly string[];
  /** What follows it, in Celery's order: the next step is the last. */
  readonly chain?: readonly string[];
  readonly groupId?: string | undefined;
  readonly groupIndex?: number | undefined;
  /** What the chord that it is a part of does then. */
  readonly chord?: string | undefined;
  /** Options of what it is part of, which take the place of its own. */
  readonly shared?: ReadonlyMap<string, string>;
}

/** The messages of a canvas, put into `applied`. */
export function apply(text: string, how: Application, applied: Applied): void {
  const element = elementOf(text, how.role);
  switch (element.kind) {
    case "task":
      return applyTask(element, how, applied);
    case "chain":
      return applyChain(element, how, applied);
    case "group":
      return applyGroup(element, how, applied);
    case "chord":
      return applyChord(element, how, applied);
  }
}

type Of<Kind extends Element["kind"]> = Extract<Element, { readonly kind: Kind }>;

function applyTask(task: Of<"task">, how: Application, applied: Applied): void {
  const { signature } = task;
  const options = new Map([...signature.options, ...(how.shared ?? [])]);
  const chain = [...(how.chain ?? []), ...ownChain(signature.options, how.role)];
  const element = chain.length === 0 ? task : spread(task, how.role);
  if (element.kind === "group") return applyGroup(element, how, applied);
  applied.messages.push(
    messageOfStep(
      { ...signature, options },
      {
        ...how,
        groupId: textOption(signature, "group_id") ?? how.groupId,
        chord: how.chord ?? ownChord(signature.options),
        chain,
      },
    ),
  );
}

function ownChord(options: ReadonlyMap<string, string>): string | undefined {
  const own = options.get("chord") ?? "null";
  return own === "null" ? undefined : own;
}

function applyChain(element: Of<"chain" | "group">, how: Application, applied: Applied): void {
  const { signature } = element;
  const { role, origin } = how;
  const newId = (at: string): string => origin.newId(at);
  const own = ownChain(signature.options, role);
  // What waits for the whole waits for its last step; also where that runs later.
  const [first, ...rest] = stepsOf(element, role).map((step, index, { length }) => {
    const at = `${role}.kwargs.tasks[${index}]`;
    if (index < length - 1) return frozen(step, { role: at, newId });
    const { groupId, groupIndex, chord = ownChord(signature.options) } = how;
    return frozen(step, {
      role: at,
      newId,
      groupId: textOption(signature, "group_id") ?? groupId,
      groupIndex,
      chord,
    });
  });
  if (first === undefined) return;
  const { groupId: _groupId, groupIndex: _groupIndex, chord: _chord, ...others } = how;
  apply(
    first,
    {
      ...others,
      role: `${role}.kwargs.tasks[0]`,
      args: argsFor(signature, how.args),
      chain: [...(how.chain ?? []), ...own, ...rest.toReversed()],
      shared: sharedOf(signature.options, how.shared),
    },
    applied,
  );
}

/** Its own options are its parts', whatever theirs say, and those of what it is part of before them: Celery's way. */
function sharedOf(
  own: ReadonlyMap<string, string>,
  shared: ReadonlyMap<string, string> = new Map(),
): ReadonlyMap<string, string> {
  return new Map([...[...own].filter(([name]) => !ofOneTask.has(name)), ...shared]);
}

/** Options that are one task's own, or are said elsewhere. */
const ofOneTask: ReadonlySet<string> = new Set([
  "task_id",
  "group_id",
  "group_index",
  "root_id",
  "parent_id",
  "reply_to",
  "chain",
  "chord",
  "link",
  "link_error",
  // Stamps are on each task already, where it was stamped.
  "stamped_headers",
]);

function argsFor({ immutable, args }: Of<"task">["signature"], given: readonly string[]): readonly string[] {
  return immutable ? args : [...given, ...args];
}

function applyGroup(element: Of<"chain" | "group">, how: Application, applied: Applied): void {
  const { signature } = element;
  const { role, origin } = how;
  const chain = [...(how.chain ?? []), ...ownChain(signature.options, role)];
  const next = chain.at(-1);
  if (next !== undefined) {
    // What follows a group gets all of its results: it is a chord.
    const options = new Map([...signature.options].filter(([name]) => name !== "chain"));
    const header = { ...element, signature: { ...signature, options } };
    apply(chordOf(header, next), { ...how, chain: chain.slice(0, -1) }, applied);
    return;
  }
  const own = textOption(signature, "task_id");
  const groupId = textOption(signature, "group_id") ?? how.groupId ?? own ?? origin.newId(role);
  const chord = how.chord ?? ownChord(signature.options);
  const shared = sharedOf(signature.options, how.shared);
  for (const [groupIndex, task] of flattened(element.tasks, `${role}.kwargs.tasks`).entries())
    apply(
      task,
      { origin, role: `${role}.tasks[${groupIndex}]`, args: how.args, groupId, groupIndex, chord, shared },
      applied,
    );
}

function applyChord(element: Of<"chord">, how: Application, applied: Applied): void {
  const { signature } = element;
  const { role, origin } = how;
  const newId = (at: string): string => origin.newId(at);
  const group = textOption(signature, "task_id") ?? newId(role);
  const shared = sharedOf(signature.options, how.shared);
  const body = followed(
    frozen(withOptions(element.body, shared, role), {
      role: `${role}.body`,
      newId,
      groupId: textOption(signature, "group_id") ?? how.groupId,
      groupIndex: how.groupIndex,
      chord: how.chord ?? ownChord(signature.options),
    }),
    [...(how.chain ?? []), ...ownChain(signature.options, role)],
    role,
  );
  const header = flattened(element.header, `${role}.kwargs.header`).map((task, groupIndex) =>
    frozen(withArguments(task, element.given, role), {
      role: `${role}.header[${groupIndex}]`,
      newId,
      groupId: group,
      groupIndex,
      chord: body,
    }),
  );
  const size = header.reduce((sum, task) => sum + countOf(task, role), 0);
  const args = argsFor(signature, how.args);
  if (size === 0) {
    apply(body, { origin, role: `${role}.body`, args: ["[]"] }, applied);
    return;
  }
  const parts = header.flatMap((task) => resultOf(task, role) ?? []);
  const isNested = parts.some((part) => typeof part !== "string");
  applied.chords.push({ group, size, ...(isNested && { results: { id: group, parts } }) });
  for (const [groupIndex, task] of header.entries())
    apply(
      task,
      {
        origin,
        role: `${role}.header[${groupIndex}]`,
        args,
        groupId: group,
        groupIndex,
        chord: body,
        shared,
      },
      applied,
    );
}

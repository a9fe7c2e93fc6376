/**
 * A chord whose header has ended: its body, with all results, or its failure.
 *
 * @module
 */
import type { Reason } from "../../../engine.ts";
import type { Json } from "../../../message.ts";
import { apply } from "./applying.ts";
import type { Applied, ChordStart } from "./applying.ts";
import { elementOf } from "./elements.ts";
import { endAll, noEnds } from "./ends.ts";
import type { ChordPart, EndToStore } from "./ends.ts";
import { messageOf as textOfError } from "../../../errors.ts";
import { signatureList } from "./body.ts";
import { isObject } from "./malformed.ts";
import type { CeleryMessage } from "./message.ts";
import { itemsOf, membersOf, stringOf } from "./pieces.ts";
import { movePointers } from "./pointers.ts";
import { pythonRepr } from "./python-repr.ts";
import type { ProtocolSettings } from "./settings.ts";
import { derivedId, textOption } from "./signature.ts";
import type { Origin } from "./step.ts";
import { toWireNumbers } from "./numbers.ts";

/** A header whose tasks have all ended. */
export interface EndedHeader {
  /** What was kept of each, in the order of the results: `[1, "<id>", "SUCCESS", <result>]`. */
  readonly entries: readonly string[];
  /** What was kept of the header's form, where some of its results are lists; else undefined. */
  readonly form: string | undefined;
}

/** What is to be done of it. */
export interface ChordOutcome {
  readonly messages: readonly CeleryMessage[];
  readonly chords: readonly ChordStart[];
  readonly ends: readonly EndToStore[];
  /** Chords that this one is a part of. */
  readonly parts: readonly ChordPart[];
  /** Whether the body is sent: nothing need be kept of the header any more. */
  readonly isDone: boolean;
}

/** What follows a header that has ended, of the last part of it. */
export function afterHeader(
  part: ChordPart,
  header: EndedHeader | { readonly problem: string },
  settings: ProtocolSettings,
  now: number,
): ChordOutcome {
  const origin = originOf(part, settings, now);
  try {
    const results = "problem" in header ? header : resultsOf(header);
    if ("problem" in results) return failed(part, results.problem, origin);
    const applied: Applied = { messages: [], chords: [] };
    apply(part.body, { origin, role: "body", args: [results.text] }, applied);
    return { ...applied, ends: [], parts: [], isDone: true };
  } catch (error) {
    return failed(part, `Callback error: ${textOfError(error)}`, origin);
  }
}

/** What follows a header whose body cannot be published. */
export function failedBody(
  part: ChordPart,
  error: Error,
  settings: ProtocolSettings,
  now: number,
): ChordOutcome {
  return failed(part, `Callback error: ${textOfError(error)}`, originOf(part, settings, now));
}

function originOf(part: ChordPart, settings: ProtocolSettings, now: number): Origin {
  return {
    settings,
    now,
    parent: part.end.id,
    root: part.root,
    // Whichever part is the last one: of the chord.
    newId: (role) => derivedId(part.group, role),
  };
}

/** The text of all results, or why there is none. */
function resultsOf({ entries, form }: EndedHeader): { readonly text: string } | { readonly problem: string } {
  const results = new Map<string, string>();
  const listed: string[] = [];
  for (const [index, text] of entries.entries()) {
    const [, id = "null", state, result = "null"] = itemsOf(text, `the chord's results[${index}]`);
    const status = state === undefined ? undefined : stringOf(state);
    const name = stringOf(id) ?? "";
    if (status === "FAILURE" || status === "REVOKED")
      return { problem: `Dependency ${name} raised ${raised(result)}` };
    results.set(name, result);
    listed.push(result);
  }
  if (form === undefined)
    return {
      text: listOf(
        listed.map((text) => ({ text })),
        "/0/0",
      ),
    };
  const nested = formOf(form);
  const text = nested === undefined ? undefined : nestedText(nested, results, "/0/0");
  return text === undefined
    ? { problem: "Join error: the results do not fit the form of the header" }
    : { text };
}

/** Pointers begin at the results' own beginnings, and then at the body's that they are in. */
function listOf(parts: readonly { readonly text: string }[], root: string): string {
  const texts = parts.map(({ text }, index) =>
    movePointers(text, "the chord's results", (pointer) => `${root}/${index}${pointer}`),
  );
  return `[${texts.join(",")}]`;
}

/** An id, or a group of them, as Celery keeps them: `[[id, parent], null or parts]`. */
type Form = string | readonly Form[];

function formOf(text: string): readonly Form[] | undefined {
  const result = membersOf(text, "the chord's form").find(({ name }) => name === "result");
  const form = result === undefined ? undefined : read(JSON.parse(result.value) as unknown, 0);
  return Array.isArray(form) ? (form as readonly Form[]) : undefined;
}

const maxLevels = 100;

function read(value: unknown, level: number): Form | undefined {
  if (!Array.isArray(value) || level > maxLevels) return undefined;
  const [first, parts] = value as readonly unknown[];
  const id: unknown = Array.isArray(first) ? first[0] : first;
  if (!Array.isArray(parts)) return typeof id === "string" ? id : undefined;
  const all = parts.map((part) => read(part, level + 1));
  return all.includes(undefined) ? undefined : (all as readonly Form[]);
}

function nestedText(form: Form, results: ReadonlyMap<string, string>, root: string): string | undefined {
  if (typeof form === "string") {
    const text = results.get(form);
    return text === undefined
      ? undefined
      : movePointers(text, "the chord's results", (pointer) => `${root}${pointer}`);
  }
  const texts = form.map((part, index) => nestedText(part, results, `${root}/${index}`));
  return texts.includes(undefined) ? undefined : `[${texts.join(",")}]`;
}

/** What was raised, as Python shows it: `ValueError('bang', 42)`. */
function raised(text: string): string {
  let error: unknown;
  try {
    error = JSON.parse(toWireNumbers(text, "the chord's results"));
  } catch {
    return "an error that cannot be read";
  }
  const { exc_type: type, exc_message: message } = isObject(error) ? error : {};
  const args = Array.isArray(message) ? (message as readonly Json[]) : [message as Json];
  const name = typeof type === "string" ? type.slice(0, 200) : "Exception";
  const shown = args.map(pythonRepr).join(", ").slice(0, 10_000);
  return `${name}(${shown})`;
}

/** The body fails, and all that would have followed it; its errbacks are sent. */
function failed(part: ChordPart, message: string, origin: Origin): ChordOutcome {
  const reason: Reason = {
    code: "ERR_TASK_FAILED",
    message,
    details: {
      name: "ChordError",
      python: { module: "celery.exceptions", type: "ChordError", args: [message] },
    },
  };
  const end = {
    id: "",
    status: "FAILURE",
    state: "failed",
    reason,
    endedAt: origin.now,
    worker: origin.settings.hostname,
  } as const;
  const into = noEnds();
  const applied: Applied = { messages: [], chords: [] };
  try {
    endAll(part.body, end, "body", part.root, into);
    errbacks(part.body, origin, applied, "body");
  } catch {
    // What cannot be read fails nobody else; its header's tasks have told their own ends.
  }
  return { ...applied, ends: into.ends, parts: into.parts, isDone: false };
}

/** Those of what would have run first of the body. */
function errbacks(text: string, origin: Origin, applied: Applied, role: string): void {
  const element = elementOf(text, role);
  const { signature } = element;
  const id = textOption(signature, "task_id") ?? "";
  const own = signatureList(signature.options.get("link_error") ?? "null", `${role}.options.link_error`);
  for (const [index, each] of own.entries())
    apply(
      each,
      { origin: { ...origin, parent: id }, role: `${role}.link_error[${index}]`, args: [JSON.stringify(id)] },
      applied,
    );
  if (own.length > 0) return;
  if (element.kind === "chord") errbacks(element.body, origin, applied, `${role}.body`);
  const firsts =
    element.kind === "group" ? element.tasks : element.kind === "chain" ? element.tasks.slice(0, 1) : [];
  for (const [index, each] of firsts.entries()) errbacks(each, origin, applied, `${role}.tasks[${index}]`);
}

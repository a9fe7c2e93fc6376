/**
 * What a worker must know to run a task, told from its message before anything of the payload is decoded.
 *
 * A need is a text, so that an engine can keep it with a task that is parked: `wire 1`, `task posts.notify@2`,
 * `type shop.Money@2`, `model qa.Comment`.
 *
 * @module
 */
import { DecodeError, PetioleError } from "../errors.ts";
import type { Message } from "../message.ts";
import type { Reference } from "../wire/reference.ts";
import { noWire, wireVersion } from "../wire/wire.ts";
import type { AppContext } from "./app-context.ts";
import type { Task } from "./task.ts";

/** At most so many characters of wrong headers are told. */
const longestFound = 1000;

/** Where what a worker knows can be looked up. */
export type Knowledge = Pick<AppContext, "tasks" | "aliases" | "retired" | "wire" | "adapters">;

/** The task of a name, or of one that it had before. */
export function taskNamed(
  name: string,
  { tasks, aliases }: Pick<Knowledge, "tasks" | "aliases">,
): Task | undefined {
  return tasks.get(name) ?? aliases.get(name);
}

/**
 * Checks that a message says what it needs.
 *
 * @throws DecodeError when its headers are not as they should be
 */
export function checkHeaders(message: Message): void {
  const types: unknown = typesOf(message);
  const areNames = Array.isArray(types) && types.every((type) => typeof type === "string");
  if (!Number.isInteger(message.headers.wire) || !areNames) throw wrongHeaders(message);
  payloadVersion(message);
}

/**
 * What a message needs, all of it: were it less, two workers that know different things could send it back and forth.
 *
 * @throws DecodeError when its headers are not as they should be
 */
export function needsOf(message: Message): string[] {
  checkHeaders(message);
  return [
    `wire ${message.headers.wire}`,
    `task ${message.task}@${payloadVersion(message)}`,
    ...typesOf(message).map((type) => `type ${type}`),
  ];
}

/** Whether the payload is plain JSON that others wrote. */
export function isOfOthers({ headers }: Message): boolean {
  return headers.wire === noWire;
}

/** The types that a message says that its payload holds. What others wrote holds none. */
export function typesOf(message: Message): readonly string[] {
  return isOfOthers(message) ? [] : (message.headers.types ?? []);
}

/** What the references of a payload need beside. */
export function modelsOf(references: readonly Reference[]): string[] {
  return [...new Set(references.map(({ model }) => `model ${model}`))].sort();
}

/** The version of a message's payload. */
export function payloadVersion(message: Message): number {
  const { version = 1 } = message.headers;
  if (Number.isSafeInteger(version) && version >= 1) return version;
  throw wrongHeaders(message);
}

/** Whether a worker knows something that a message needs. */
export function knows(need: string, context: Knowledge): boolean {
  const [kind, name = ""] = split(need, need.indexOf(" "));
  if (kind === "wire") return name === String(wireVersion) || name === String(noWire);
  if (kind === "type") return context.wire.types.has(name);
  if (kind === "model")
    return context.adapters.some(({ models }) => models.some((model) => model.name === name));
  const [task, version] = split(name, name.lastIndexOf("@"));
  if (context.retired.has(task)) return true;
  const known = taskNamed(task, context);
  return known?.handler !== undefined && Number(version) <= known.settings.version;
}

/** Whether a worker runs jobs of this name that others have put in a queue. */
export function adopts(name: string, context: Knowledge): boolean {
  return taskNamed(name, context)?.handler !== undefined;
}

/**
 * The task of a message that this worker can run, as far as can be told without its payload.
 *
 * @throws PetioleError `ERR_TASK_UNKNOWN`, `ERR_TYPE_UNKNOWN`, `ERR_TEXT_UNDECODABLE` for another version of the wire
 */
export function taskOf(message: Message, context: Knowledge): Task {
  const { tasks } = context;
  const task = taskNamed(message.task, context);
  if (!task?.handler) {
    const why = task ? "has no handler here: attach one with .run(handler)" : "is not known here";
    const known = [...tasks.keys()].sort().join(", ") || "none";
    throw new PetioleError("ERR_TASK_UNKNOWN", `task ${message.task} ${why}. This worker knows ${known}`);
  }
  const version = payloadVersion(message);
  if (version > task.settings.version) {
    const known = task.settings.version === 1 ? "version 1" : `versions 1 to ${task.settings.version}`;
    const text = `task ${message.task} came with version ${version} of its payload. This worker knows ${known}`;
    throw new PetioleError("ERR_TASK_UNKNOWN", text);
  }
  return task;
}

/** @throws DecodeError for a version of the wire, or for types, that this worker does not know */
export function checkTypes(message: Message, { wire }: Knowledge): void {
  if (message.headers.wire !== wireVersion && !isOfOthers(message)) throw wrongHeaders(message);
  const unknown = typesOf(message).filter((type) => !wire.types.has(type));
  if (unknown.length === 0) return;
  const expected = "types that are registered here";
  const found = shortened(unknown.join(", "));
  throw new DecodeError({ path: "payload", expected, found }, { known: [...wire.types] });
}

function wrongHeaders({ headers: { wire, types = [], version } }: Message): DecodeError {
  const found = `headers ${shortened(JSON.stringify({ wire, types, version }))}`;
  return new DecodeError({ path: "payload", expected: `version ${wireVersion} of the wire format`, found });
}

/** A reason is kept and told: what a stranger wrote is not to make it as long as they please. */
function shortened(text: string): string {
  return text.length > longestFound ? `${text.slice(0, longestFound)}…` : text;
}

function split(text: string, at: number): [string, string] {
  return [text.slice(0, at), text.slice(at + 1)];
}

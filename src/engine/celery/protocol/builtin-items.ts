/**
 * The items of Celery's builtin tasks, each as the task that is called with it.
 *
 * @module
 */
import { describe } from "../../../errors.ts";
import type { BodyParts } from "./body.ts";
import { parametersOf } from "./builtin-names.ts";
import { elementText, starmapText } from "./elements.ts";
import { malformed } from "./malformed.ts";
import { itemsOf, membersOf, stringOf } from "./pieces.ts";
import { movePointers } from "./pointers.ts";
import { signatureOf, valueOf } from "./signature.ts";

/** What a message is called with: the arguments' texts. */
export type BuiltinCall = Pick<BodyParts, "args" | "kwargs">;

/** One message calls at most so many tasks. */
const maxItems = 10_000;

/** An argument, and where it stands. */
interface Argument {
  readonly text: string;
  readonly path: string;
  /** The same, as pointers have it. */
  readonly pointer: string;
}

function argumentOf(task: string, { args, kwargs }: BuiltinCall, name: string, what: string): Argument {
  const index = parametersOf(task)!.indexOf(name);
  const path = `body[1].${name}`;
  if (index < args.length) return { text: args[index]!, path: `body[0][${index}]`, pointer: `/0/${index}` };
  // Of two, the last: as Python reads it.
  const named = membersOf(kwargs, "body[1]").findLast((member) => member.name === name);
  if (named === undefined) throw malformed(path, what, "nothing");
  return { text: named.value, path, pointer: `/1/${name}` };
}

/**
 * The tasks that a message of `celery.map`, `celery.starmap` or `celery.chunks` calls: signatures' texts.
 *
 * @throws DecodeError for what is malformed
 */
export function partsOf(task: string, call: BuiltinCall): readonly string[] {
  const called = argumentOf(task, call, "task", "the signature of a task");
  const name = calledName(called);
  const it = argumentOf(task, call, "it", "a list");
  const items = itemsOf(it.text, it.path);
  if (items.length > maxItems)
    throw malformed(it.path, `at most ${maxItems} items`, `${items.length}: send it in parts`);
  const moved = (at: number, to: string): string => {
    const from = `${it.pointer}/${at}`;
    return movePointers(items[at]!, it.path, (pointer) => {
      if (pointer !== from && !pointer.startsWith(`${from}/`))
        throw malformed(`${it.path}[${at}]`, "pointers to what is in the same item", describe(pointer));
      return to + pointer.slice(from.length);
    });
  };
  // Nobody asks for them one by one.
  const options = '{"ignore_result":true}';
  if (task !== "celery.chunks")
    return items.map((_, at) => {
      const args =
        task === "celery.map" ? [moved(at, "/0/0")] : itemsOf(moved(at, "/0"), `${it.path}[${at}]`);
      return elementText(name, { args, options, immutable: true });
    });
  const size = sizeOf(argumentOf(task, call, "n", "how many go into a chunk"));
  const chunks = Array.from({ length: Math.ceil(items.length / size) }, (_, chunk) => chunk * size);
  return chunks.map((first) => {
    const some = items.slice(first, first + size).map((_, at) => moved(first + at, `/1/it/${at}`));
    return starmapText(called.text, some, options);
  });
}

function sizeOf({ text, path }: Argument): number {
  const size = valueOf(text);
  if (!Number.isSafeInteger(size) || (size as number) < 1)
    throw malformed(path, "how many go into a chunk, from 1 on", describe(size));
  return size as number;
}

/** Of the signature Celery looks at the task alone, which may be its name. */
function calledName({ text, path }: Argument): string {
  const name = stringOf(text) ?? signatureOf(text, path).task;
  if (name === "" || /^celery\.(?:chain|group|chord|chunks)$/.test(name))
    throw malformed(path, "the signature of one task", describe(name));
  return name;
}

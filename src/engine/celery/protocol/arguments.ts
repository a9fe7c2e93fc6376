/**
 * A payload's wire text as the arguments of a Celery task, and back.
 *
 * The payload's properties are the arguments by name (kwargs), but for those that travel by position. Their text is
 * passed on as it is; pointers are moved, because in a body they begin at the body.
 *
 * @module
 */
import { EncodeError, describe } from "../../../errors.ts";
import type { BodyParts } from "./body.ts";
import { isObject, malformed } from "./malformed.ts";
import { fromWireNumbers, toWireNumbers } from "./numbers.ts";
import type { OwnFields } from "./petiole-header.ts";
import { areTagKeys, isPadded, membersOf, stringOf } from "./pieces.ts";
import type { Member } from "./pieces.ts";
import { movePointers, partsOf, pointerPart } from "./pointers.ts";

/** What a payload is as arguments; the two fields say how to make the payload of them again. */
export interface Arguments extends Pick<OwnFields, "payload" | "keys"> {
  readonly args: readonly string[];
  readonly kwargs: string;
}

/** A payload that is nothing. */
export const undefinedTag = '{"__type__":"undefined","__value__":null}';

/**
 * A payload's wire text as arguments.
 *
 * @param positional the properties that travel by position
 * @throws EncodeError when it cannot be told apart so
 */
export function argumentsOf(payload: string, positional: readonly string[], task: string): Arguments {
  if (payload === undefinedTag) return { args: [], kwargs: "{}", payload: "undefined" };
  const kind = kindOf(payload);
  if (kind === "text") return { args: [JSON.stringify(payload)], kwargs: "{}", payload: "text" };
  if (kind === "argument") {
    const moved = movePointers(payload, "payload", (pointer) => `/0/0${pointer}`);
    return { args: [fromWireNumbers(moved, "payload")], kwargs: "{}", payload: "argument" };
  }
  if (positional.length > 0) {
    const members = membersOf(payload, "payload");
    const names = new Set(members.map((member) => member.name));
    // What follows a missing one would get its place: it goes by name.
    const present = positional.findIndex((name) => !names.has(name));
    const leading = present < 0 ? positional : positional.slice(0, present);
    if (leading.length > 0) return split(members, leading, task);
  }
  const kwargs = movePointers(payload, "payload", (pointer) => `/1${pointer}`);
  return { args: [], kwargs: fromWireNumbers(kwargs, "payload") };
}

/** What a payload's text is: a plain object, whose properties are arguments; other JSON; or none. */
function kindOf(payload: string): "properties" | "argument" | "text" {
  if (!payload.isWellFormed() || isPadded(payload)) return "text";
  let value: unknown;
  try {
    // Several times as fast as reading the text here.
    value = JSON.parse(payload);
  } catch {
    return "text";
  }
  if (!isObject(value)) return "argument";
  const names = Object.keys(value);
  return names.length === 2 && names.includes("__type__") && names.includes("__value__")
    ? "argument"
    : "properties";
}

function split(members: readonly Member[], leading: readonly string[], task: string): Arguments {
  const places = new Map(leading.map((name, index) => [name, `/0/${index}`]));
  const placeOf = (name: string): string => places.get(name) ?? `/1/${pointerPart(name)}`;
  const order = [...leading, ...members.map(({ name }) => name).filter((name) => !places.has(name))];
  const positions = new Map(order.map((name, index) => [name, index]));
  const refuse = (name: string, kind: string, advice: string): never => {
    throw new EncodeError(`this payload to task "${task}" with positional arguments`, [
      { path: `payload.${name}`, kind, advice },
    ]);
  };
  if (positions.size < members.length) refuse(twiceIn(members), "a name twice", "give each property once");
  const moved = new Map<string, string>();
  for (const { name, value } of members) {
    const text = movePointers(value, "payload", (pointer) => {
      const [first, ...rest] = partsOf(pointer) ?? [];
      if (first === undefined)
        return refuse(
          name,
          "the payload itself",
          "in a task with `positional`, the payload is no object of its own",
        );
      if ((positions.get(first) ?? 0) > positions.get(name)!)
        return refuse(
          name,
          `the same object as in ${first}`,
          `it travels before ${first}, by \`positional\`: write ${name} before ${first} in the payload, or send a copy`,
        );
      return placeOf(first) + rest.map((part) => `/${pointerPart(part)}`).join("");
    });
    moved.set(name, fromWireNumbers(text, "payload"));
  }
  const others = members.filter(({ name }) => !places.has(name));
  if (areTagKeys(others))
    refuse("__type__", "a name of the wire's tags", "do not send it beside positional arguments");
  const kwargs = `{${others.map(({ name, key }) => `${key}:${moved.get(name)!}`).join(",")}}`;
  const isInOrder = members.every(({ name }, index) => order[index] === name);
  return {
    args: leading.map((name) => moved.get(name)!),
    kwargs,
    ...(!isInOrder && { keys: members.map(({ name }) => name) }),
  };
}

/** The first name that is there a second time. */
function twiceIn(members: readonly Member[]): string {
  const names = new Set<string>();
  return members.find(({ name }) => names.size === names.add(name).size)?.name ?? "";
}

/**
 * The wire text of a payload, of its arguments.
 *
 * @param how as {@link argumentsOf} has said; nothing for a message of Celery's own
 * @throws DecodeError when they are not as `positional` says
 */
export function payloadOf(
  { args, kwargs }: Pick<BodyParts, "args" | "kwargs">,
  how: Pick<OwnFields, "payload" | "keys">,
  positional: readonly string[],
): string {
  const named = membersOf(kwargs, "body[1]");
  if (areTagKeys(named)) throw malformed("body[1]", "arguments by their names", "a tag");
  const isAlone = args.length === 1 && named.length === 0;
  if (how.payload === "undefined" && args.length === 0 && named.length === 0) return undefinedTag;
  const kept = how.payload === "text" && isAlone ? stringOf(args[0]!) : undefined;
  if (kept !== undefined) return kept;
  if (isAlone && (how.payload === "argument" || positional.length === 0))
    return pieceOf(args[0]!, "/0/0", "");
  if (args.length === 0) return pieceOf(kwargs, "/1", "");
  if (args.length > positional.length)
    throw malformed(
      "body[0]",
      positional.length === 0
        ? "no positional arguments: name them in the engine's option `tasks`, { positional: [...] }"
        : `the ${positional.length} that \`positional\` names, ${positional.join(", ")}`,
      `${args.length} arguments`,
    );
  return joined(args, named, how.keys, positional);
}

/** One piece of a body, which stands at `from`, as wire text whose pointers begin with `path`. */
export function pieceOf(text: string, from: string, path: string): string {
  const moved = movePointers(text, "body", (pointer) => {
    if (pointer !== from && !pointer.startsWith(`${from}/`)) throw foreignPointer(pointer);
    return path + pointer.slice(from.length);
  });
  return toWireNumbers(moved, "body");
}

function joined(
  args: readonly string[],
  named: readonly Member[],
  keys: readonly string[] | undefined,
  positional: readonly string[],
): string {
  const members: Member[] = args.map((value, index) => {
    const name = positional[index]!;
    return { name, key: JSON.stringify(name), value };
  });
  const names = new Set(members.map(({ name }) => name));
  for (const member of named) {
    if (names.has(member.name))
      throw malformed(
        "body[1]",
        `no argument ${describe(member.name)}, which is in body[0] too`,
        "a second one",
      );
    members.push(member);
  }
  if (areTagKeys(members)) throw malformed("body", "arguments whose names are no tag's", "a tag");
  const move = (pointer: string): string => {
    const [part, first, ...rest] = partsOf(pointer) ?? [];
    const name = part === "0" ? positional[Number(first)] : part === "1" ? first : undefined;
    if (name === undefined || (part === "0" && !/^(0|[1-9]\d*)$/.test(first ?? "")))
      throw foreignPointer(pointer);
    return [name, ...rest].map((each) => `/${pointerPart(each)}`).join("");
  };
  const texts = inOrder(members, keys).map(
    ({ key, value }) => `${key}:${toWireNumbers(movePointers(value, "body", move), "body")}`,
  );
  return `{${texts.join(",")}}`;
}

/** The properties as they were in the payload. */
function inOrder(members: readonly Member[], keys: readonly string[] | undefined): readonly Member[] {
  if (keys === undefined) return members;
  const byName = new Map(members.map((member) => [member.name, member]));
  const ordered = keys.map((name) => byName.get(name));
  const isComplete = new Set(keys).size === members.length && ordered.every((member) => member !== undefined);
  // Who has sent it on has changed its arguments: their order says nothing.
  return isComplete && keys.length === members.length ? (ordered as Member[]) : members;
}

function foreignPointer(pointer: string): Error {
  return malformed("body", "pointers to what is in the same arguments", describe(pointer));
}

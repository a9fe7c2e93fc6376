/**
 * Signatures: tasks to be sent later, as they travel in the third part of a body.
 *
 * @module
 */
import { createHash, randomUUID } from "node:crypto";
import { PetioleError, describe } from "../../../errors.ts";
import { isObject, malformed } from "./malformed.ts";
import { fromWireNumbers } from "./numbers.ts";
import { itemsOf, membersOf } from "./pieces.ts";
import type { SignatureOptions } from "./settings.ts";

/** A signature that was received; arguments as the texts that they came as. */
export interface Signature {
  readonly task: string;
  readonly args: readonly string[];
  readonly kwargs: string;
  /** Each option's text. */
  readonly options: ReadonlyMap<string, string>;
  /** It does not get the result, or the id, of what it follows. */
  readonly immutable: boolean;
  /** The text that it came as. */
  readonly text: string;
}

/**
 * Reads a signature.
 *
 * @param path where it stands, for errors: `body[2].chain[0]`
 * @throws DecodeError when it is none
 */
export function signatureOf(text: string, path: string): Signature {
  const fields = new Map(membersOf(text, path).map(({ name, value }) => [name, value]));
  const task = valueOf(fields.get("task"));
  if (typeof task !== "string" || task === "")
    throw malformed(`${path}.task`, "a task's name", describe(task));
  const options = objectText(fields.get("options"));
  const kwargs = objectText(fields.get("kwargs"));
  membersOf(kwargs, `${path}.kwargs`);
  return {
    task,
    args: itemsOf(nullAs(fields.get("args"), "[]"), `${path}.args`),
    kwargs,
    options: new Map(membersOf(options, `${path}.options`).map(({ name, value }) => [name, value])),
    immutable: valueOf(fields.get("immutable")) === true,
    text,
  };
}

function objectText(text: string | undefined): string {
  return nullAs(text, "{}");
}

function nullAs(text: string | undefined, empty: string): string {
  return text === undefined || text === "null" ? empty : text;
}

/** The value of a text of Python's that is short: names, numbers, times. Undefined for what is no JSON of ours. */
export function valueOf(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // NaN, and its like.
    return undefined;
  }
}

/** An option that is a text; undefined where it is none. */
export function textOption({ options }: Signature, name: string): string | undefined {
  const value = valueOf(options.get(name));
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** An option that is a finite number; undefined where it is none. */
export function numberOption({ options }: Signature, name: string): number | undefined {
  const value = valueOf(options.get(name));
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

/** An option that is a time: a text, or Kombu's tag of one. */
export function timeOption({ options }: Signature, name: string): string | number | undefined {
  const value = valueOf(options.get(name));
  if (typeof value === "string" || typeof value === "number") return value;
  if (isObject(value) && value["__type__"] === "datetime" && typeof value["__value__"] === "string")
    return value["__value__"];
  return undefined;
}

/** The text with other fields in place of its own, or beside them; all else stays byte for byte. */
export function withFields(text: string, fields: Readonly<Record<string, string>>): string {
  const others = membersOf(text, "signature").filter(({ name }) => !Object.hasOwn(fields, name));
  const own = others.map(({ key, value }) => `${key}:${value}`);
  const given = Object.entries(fields).map(([name, value]) => `${JSON.stringify(name)}:${value}`);
  return `{${[...own, ...given].join(",")}}`;
}

/** The text with these options in place of its own, or beside them. Undefined ones are left as they are. */
export function withSignatureOptions(
  signature: Signature,
  options: Readonly<Record<string, string | undefined>>,
): string {
  const all = new Map(signature.options);
  let isOther = false;
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || all.get(name) === value) continue;
    all.set(name, value);
    isOther = true;
  }
  return isOther ? withFields(signature.text, { options: objectOf(all) }) : signature.text;
}

/** The text of an object of these texts. */
export function objectOf(members: ReadonlyMap<string, string>): string {
  return `{${[...members].map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(",")}}`;
}

/** The text of a signature of a user's. */
export function signatureText(options: SignatureOptions, replyTo: string | undefined): string {
  const { task, args = [], kwargs = {}, id = randomUUID(), queue, priority, immutable = false } = options;
  const list = (given: readonly SignatureOptions[] = []): readonly unknown[] =>
    given.map((each) => JSON.parse(signatureText(each, replyTo)) as unknown);
  const { link = [], linkError = [] } = options;
  const signature = {
    task,
    args,
    kwargs,
    options: {
      task_id: id,
      ...(replyTo !== undefined && { reply_to: replyTo }),
      ...(queue !== undefined && { queue }),
      ...(priority !== undefined && { priority }),
      ...(link.length > 0 && { link: list(link) }),
      ...(linkError.length > 0 && { link_error: list(linkError) }),
    },
    subtask_type: null,
    immutable,
  };
  try {
    return fromWireNumbers(JSON.stringify(signature), "celeryOptions");
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
    throw new PetioleError(
      "ERR_OPTION_INVALID",
      `The arguments of the task "${task}" in celeryOptions cannot be written as JSON: ${error.message}`,
      { cause: error },
    );
  }
}

/**
 * An id of what follows a task, where its signature has none: always the same, so that a step that is sent twice,
 * because the broker's answer was lost, is one task.
 */
export function derivedId(parent: string, role: string): string {
  const bytes = createHash("sha1").update(`${parent}\0${role}`).digest().subarray(0, 16);
  // As UUIDs of version 5 are marked.
  bytes[6] = (bytes[6]! & 0x0f) | 0x50;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/**
 * Checks what a send says in the header `celery` of its message.
 *
 * @module
 */
import { PetioleError, describe } from "../../../errors.ts";
import { isNestedDeeper } from "./header-values.ts";
import { isObject } from "./malformed.ts";
import type { SendOptions, SignatureOptions } from "./settings.ts";
import { knownHeaders } from "./headers.ts";

type Check = (value: unknown, path: string) => void;

const isText = (value: unknown): boolean => typeof value === "string" && value !== "";
const priority = that(
  "a whole number from 0 to 9",
  (value) => Number.isInteger(value) && inRange(value, 0, 9),
);
const duration = that(
  "milliseconds, more than 0",
  (value) => Number.isFinite(value) && (value as number) > 0,
);
const flag = that("true or false", (value) => typeof value === "boolean");
const name = that("a text", isText);
const object = that("an object", isObject);
const list = that("a list", Array.isArray);

/** What a reader takes of headers; Python's own reader of JSON ends at some 900. */
const maxLevels = 100;

const signatureChecks: Readonly<Record<keyof SignatureOptions, Check>> = {
  task: name,
  args: withoutTags(list),
  kwargs: withoutTags(object),
  id: name,
  queue: name,
  priority,
  immutable: flag,
  link: signatures,
  linkError: signatures,
};

const sendChecks: Readonly<Record<keyof SendOptions, Check>> = {
  priority,
  link: signatures,
  linkError: signatures,
  chain: signatures,
  timeLimit: duration,
  softTimeLimit: duration,
  compression: that('"zlib"', (value) => value === "zlib"),
  ignoreResult: flag,
  exchange: name,
  routingKey: that("a text", (value) => typeof value === "string"),
  retries: that(
    "a whole number, 0 or more",
    (value) => Number.isSafeInteger(value) && (value as number) >= 0,
  ),
  shadow: name,
  headers(value, path) {
    object(value, path);
    const taken = Object.keys(value as object).find((header) => knownHeaders.has(header));
    if (taken !== undefined) throw wrong(path, `no header ${taken}, which is Celery's own`, value);
  },
};

/**
 * The options, checked.
 *
 * @param value undefined for none
 * @throws PetioleError `ERR_OPTION_INVALID` that names the first that is wrong
 */
export function checkedSendOptions(value: unknown): SendOptions {
  if (value === undefined) return {};
  if (isNestedDeeper(value, maxLevels))
    throw new PetioleError(
      "ERR_OPTION_INVALID",
      `celeryOptions must have at most ${maxLevels} levels of arrays and objects. Send what is so deep as payload.`,
    );
  check(value, "celeryOptions", sendChecks);
  const { timeLimit, softTimeLimit, exchange, routingKey } = value as SendOptions;
  for (const [key, text] of Object.entries({ exchange, routingKey }))
    if (text !== undefined && (!text.isWellFormed() || Buffer.byteLength(text) > 255))
      throw wrong(`celeryOptions.${key}`, "a text of at most 255 bytes", text);
  if ((exchange === undefined) !== (routingKey === undefined))
    throw wrong(
      "celeryOptions",
      "given both, exchange and routingKey, or none of them",
      exchange ?? routingKey,
    );
  if (timeLimit !== undefined && softTimeLimit !== undefined && softTimeLimit > timeLimit)
    throw wrong("celeryOptions.softTimeLimit", "at most the timeLimit", softTimeLimit);
  return value as SendOptions;
}

function signatures(value: unknown, path: string): void {
  if (!Array.isArray(value)) throw wrong(path, "a list of tasks to send", value);
  for (const [index, each] of value.entries()) {
    const place = `${path}[${index}]`;
    if (place.length > 500) throw wrong(place, "no deeper than this", each);
    check(each, place, signatureChecks);
    name((each as { readonly task?: unknown }).task, `${place}.task`);
  }
}

function check(value: unknown, path: string, checks: Readonly<Record<string, Check>>): void {
  object(value, path);
  for (const [key, each] of Object.entries(value as object)) {
    const place = `${path}.${key}`;
    if (!Object.hasOwn(checks, key)) throw wrong(path, `only ${Object.keys(checks).join(", ")}`, key);
    if (each !== undefined) checks[key]!(each, place);
  }
}

/** A worker that does not know one drops the whole task, without an answer. */
function withoutTags(isOfKind: Check): Check {
  return (value, path) => {
    isOfKind(value, path);
    refuseTags(value, path);
  };
}

function refuseTags(value: unknown, path: string): void {
  if (typeof value !== "object" || value === null) return;
  if (isTag(value)) throw wrong(path, "plain JSON, without objects of only __type__ and __value__", value);
  for (const [key, each] of Object.entries(value)) refuseTags(each, `${path}.${key}`);
}

/** Whether Kombu takes an object for a value of another kind: it has these two keys, and no other. */
function isTag(fields: object): boolean {
  return (
    Object.keys(fields).length === 2 &&
    Object.hasOwn(fields, "__type__") &&
    Object.hasOwn(fields, "__value__")
  );
}

function that(expected: string, isRight: (value: unknown) => boolean): Check {
  return (value, path) => {
    if (!isRight(value)) throw wrong(path, expected, value);
  };
}

function inRange(value: unknown, least: number, most: number): boolean {
  return (value as number) >= least && (value as number) <= most;
}

function wrong(path: string, expected: string, value: unknown): PetioleError {
  return new PetioleError("ERR_OPTION_INVALID", `${path} must be ${expected}; it got ${describe(value)}.`);
}

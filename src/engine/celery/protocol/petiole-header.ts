/**
 * The header `petiole` of a message: what Petiole knows of it and Celery has no header for, as one JSON text, because
 * brokers and other languages leave a text as it is.
 *
 * The message's own headers are in it as they are, and beside them what is listed in {@link OwnFields}. A header of a
 * user's that has one of those names lies in `headers`.
 *
 * @module
 */
import { describe } from "../../../errors.ts";
import type { Json, MessageHeaders } from "../../../message.ts";
import { isDeeperThan } from "../../shared/kept-payload/nesting.ts";
import { isObject, malformed } from "./malformed.ts";

/** What a message carries of its own. */
export interface OwnFields {
  /** Epoch milliseconds. */
  readonly sentAt?: number;
  readonly crashes?: number;
  readonly deferrals?: number;
  readonly deferredAt?: number;
  /**
   * What the body is made of, where it is not the payload's properties: its one argument is the payload's wire text, or
   * that text in a JSON string (`"text"`, of what is no JSON), or the payload was `undefined` and there is no argument.
   */
  readonly payload?: "argument" | "text" | "undefined";
  /** The payload's properties in their order, where positional arguments have changed it. */
  readonly keys?: readonly string[];
  /** What UTF-8 cannot hold, exactly. */
  readonly id?: string;
  readonly task?: string;
  readonly queue?: string;
  /** The user's headers whose names are among these. */
  readonly headers?: Readonly<Record<string, Json>>;
}

const ownNames = new Set([
  "sentAt",
  "crashes",
  "deferrals",
  "deferredAt",
  "payload",
  "keys",
  "id",
  "task",
  "queue",
  "headers",
] satisfies (keyof OwnFields)[]) as ReadonlySet<string>;

/** Deeper headers cannot be written again. */
const maxDepth = 500;

/** What the header says. */
export interface PetioleHeader {
  readonly headers: MessageHeaders;
  readonly own: OwnFields;
}

/** The header's text. */
export function writePetioleHeader({ headers, own }: PetioleHeader): string {
  const clashing = Object.keys(headers).filter((name) => ownNames.has(name));
  if (clashing.length === 0) return JSON.stringify({ ...headers, ...own });
  const others = Object.entries(headers).filter(([name]) => !ownNames.has(name));
  return JSON.stringify({
    ...Object.fromEntries(others),
    ...own,
    headers: Object.fromEntries(clashing.map((name) => [name, headers[name]])),
  });
}

/**
 * What the header of a message says; undefined for a message of Celery's own, which has none.
 *
 * @throws DecodeError when it is damaged
 */
export function readPetioleHeader(header: unknown): PetioleHeader | undefined {
  if (header === undefined || header === null) return undefined;
  const path = "headers.petiole";
  if (typeof header !== "string") throw malformed(path, "a JSON text", describe(header));
  if (isDeeperThan(header, maxDepth)) throw malformed(path, `at most ${maxDepth} levels`, "more");
  let value: unknown;
  try {
    value = JSON.parse(header);
  } catch (error) {
    throw malformed(path, "a JSON text", describe(header), error);
  }
  if (!isObject(value) || !Number.isSafeInteger(value["wire"]))
    throw malformed(path, "an object that says its wire version", describe(header));
  const entries = Object.entries(value);
  const own = Object.fromEntries(entries.filter(([name]) => ownNames.has(name)));
  checkOwn(own);
  const headers = Object.fromEntries([
    ...entries.filter(([name]) => !ownNames.has(name)),
    ...Object.entries(own.headers ?? {}),
  ]) as unknown as MessageHeaders;
  return { headers, own };
}

function checkOwn(
  own: Readonly<Record<string, unknown>>,
): asserts own is OwnFields & Record<string, unknown> {
  const check = (name: keyof OwnFields, expected: string, isRight: (value: unknown) => boolean): void => {
    const value = own[name];
    if (value !== undefined && !isRight(value))
      throw malformed(`headers.petiole.${name}`, expected, describe(value));
  };
  const isText = (value: unknown): boolean => typeof value === "string";
  for (const name of ["crashes", "deferrals"] as const) check(name, "a count", isCount);
  for (const name of ["sentAt", "deferredAt"] as const) check(name, "epoch milliseconds", Number.isFinite);
  for (const name of ["id", "task", "queue"] as const) check(name, "a text", isText);
  check("payload", 'one of "argument", "text", "undefined"', (value) =>
    ["argument", "text", "undefined"].includes(value as string),
  );
  check("keys", "a list of names", (value) => Array.isArray(value) && value.every(isText));
  check("headers", "an object", isObject);
}

/** Whether it is a whole number from 0 on. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/**
 * What is wrong with a message, told to whoever finds it parked.
 *
 * @module
 */
import { DecodeError, PetioleError } from "../../../errors.ts";

/** The error for a message that is not as Celery's protocol wants it. */
export function malformed(path: string, expected: string, found: string, cause?: unknown): DecodeError {
  return new DecodeError({ path, expected, found }, cause === undefined ? {} : { cause });
}

/** The error for a message that is in order, and that this engine cannot work off. */
export function unsupportedMessage(what: string, advice: string): PetioleError {
  return new PetioleError(
    "ERR_ENGINE_UNSUPPORTED",
    `The Celery engine cannot run this message: ${what}. ${advice}`,
  );
}

/** Whether it is an object, and no list. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Without what is undefined. */
export function definedOf<T extends object>(fields: T): { [Name in keyof T]?: Exclude<T[Name], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}

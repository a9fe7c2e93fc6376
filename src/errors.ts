/**
 * Every error that Petiole throws: one base class, one list of codes.
 *
 * A code is stable across versions and has a page: `docs/errors/<code>.md`.
 *
 * @module
 */

/** The codes, all of them. Compare `error.code`, never the message. */
export const errorCodes = [
  // wire
  "ERR_PAYLOAD_REFUSED",
  "ERR_PAYLOAD_LIMIT",
  "ERR_TEXT_UNDECODABLE",
  "ERR_TYPE_UNKNOWN",
  "ERR_TYPE_NAME",
  // value
  "ERR_VALUE_INVALID",
  "ERR_VALUE_DEFINITION",
  // model
  "ERR_MODEL_UNKNOWN",
  "ERR_MODEL_DEFINITION",
  "ERR_REFERENCE_KEY",
  "ERR_ROW_MISSING",
  "ERR_DATABASE_UNREACHABLE",
  "ERR_TRANSACTION_UNSUPPORTED",
  "ERR_TRANSACTION_CLOSED",
  // task
  "ERR_OPTION_INVALID",
  "ERR_TASK_DUPLICATE",
  "ERR_TASK_UNKNOWN",
  "ERR_TASK_NOT_FOUND",
  "ERR_TASK_NOT_SENT",
  "ERR_TASK_FAILED",
  "ERR_TASK_SKIPPED",
  "ERR_TASK_DISCARDED",
  "ERR_TASK_PARKED",
  "ERR_TASK_CRASHED",
  "ERR_TASK_TIMEOUT",
  "ERR_RESULT_TIMEOUT",
  // engine
  "ERR_ENGINE_CLOSED",
  "ERR_ENGINE_BUSY",
  "ERR_ENGINE_DISK_FULL",
  "ERR_ENGINE_FAILED",
  "ERR_ENGINE_FILE_INVALID",
  "ERR_ENGINE_FILE_READ_ONLY",
  "ERR_ENGINE_FILE_SHARED",
  "ERR_ENGINE_ROW_UNREADABLE",
  // command line
  "ERR_APP_MODULE",
  "ERR_COMMAND_LINE",
] as const;

/** One of {@link errorCodes}. */
export type ErrorCode = (typeof errorCodes)[number];

/**
 * The base class of every error that Petiole throws.
 *
 * @example
 * try {
 *   await index.enqueue({ post });
 * } catch (error) {
 *   if (error instanceof PetioleError && error.code === "ERR_PAYLOAD_LIMIT") { … }
 * }
 */
export class PetioleError extends Error {
  /** What went wrong, stable across versions. */
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
    this.name = new.target.name;
  }
}

/** A name for what was received, short enough for a message: `string "abc"`, `Date`, `null`. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "string") {
    return `string ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)}`;
  }
  if (typeof value === "number" || typeof value === "boolean") return `${typeof value} ${value}`;
  if (typeof value === "bigint") return `bigint`;
  if (typeof value !== "object") return typeof value;
  return className(value) ?? "object";
}

/** The name of an object's class, read from its prototype; undefined for a plain or bare object. */
export function className(value: object): string | undefined {
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (prototype === null || prototype === Object.prototype) return undefined;
  const maker: unknown = Object.getOwnPropertyDescriptor(prototype, "constructor")?.value;
  return typeof maker === "function" && maker.name !== "" ? maker.name : "(anonymous class)";
}

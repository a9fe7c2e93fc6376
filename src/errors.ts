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
  "ERR_TYPE_RETIRED",
  "ERR_TYPE_NAME",
  // value
  "ERR_VALUE_INVALID",
  "ERR_VALUE_DEFINITION",
  // model
  "ERR_MODEL_UNKNOWN",
  "ERR_MODEL_DEFINITION",
  "ERR_REFERENCE_KEY",
  "ERR_MODEL_UNSUPPORTED",
  "ERR_ROW_MISSING",
  "ERR_ROW_CHANGED",
  "ERR_SNAPSHOT_FIELDS",
  "ERR_DATABASE_UNREACHABLE",
  "ERR_TRANSACTION_UNSUPPORTED",
  "ERR_TRANSACTION_CLOSED",
  // task
  "ERR_OPTION_INVALID",
  "ERR_TASK_DUPLICATE",
  "ERR_TASK_UNKNOWN",
  "ERR_TASK_RETIRED",
  "ERR_TASK_NOT_FOUND",
  "ERR_TASK_NOT_SENT",
  "ERR_TASK_FAILED",
  "ERR_TASK_SKIPPED",
  "ERR_TASK_DISCARDED",
  "ERR_TASK_PARKED",
  "ERR_TASK_EXPIRED",
  "ERR_TASK_CANCELLED",
  "ERR_TASK_CRASHED",
  "ERR_TASK_TIMEOUT",
  "ERR_RESULT_TIMEOUT",
  // engine
  "ERR_ENGINE_CLOSED",
  "ERR_ENGINE_BUSY",
  "ERR_ENGINE_DISK_FULL",
  "ERR_ENGINE_FAILED",
  "ERR_ENGINE_UNREACHABLE",
  "ERR_ENGINE_UNSUPPORTED",
  "ERR_ENGINE_FILE_INVALID",
  "ERR_ENGINE_FILE_READ_ONLY",
  "ERR_ENGINE_FILE_SHARED",
  "ERR_ENGINE_ROW_UNREADABLE",
  // channels
  "ERR_CHANNEL_FULL",
  "ERR_CHANNEL_UNHANDLED",
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
  // Defined, not assigned: where the platform's prototypes are frozen, their names cannot be assigned over.
  override readonly name: string = this.constructor.name;

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** One place in a payload that cannot travel. */
export interface Refusal {
  /** Where: `payload.post.author.socket`. */
  readonly path: string;
  /** What is there: `function`, `Socket (class instance)`. */
  readonly kind: string;
  /** What to do about it. */
  readonly advice: string;
}

/** `ERR_PAYLOAD_REFUSED`: something in a payload cannot travel. */
export class EncodeError extends PetioleError {
  // Declared alone, here and below: the constructor sets them all, and a field that is defined first is set twice.
  /** Every place; of many, the first hundred. */
  declare readonly refusals: readonly Refusal[];
  /** How many there are in all. */
  declare readonly count: number;

  constructor(what: string, refusals: readonly Refusal[], count: number = refusals.length) {
    let [paths, kinds] = [0, 0];
    for (const { path, kind } of refusals)
      [paths, kinds] = [Math.max(paths, path.length), Math.max(kinds, kind.length)];
    const lines = refusals.map(
      ({ path, kind, advice }) => `\n  ${path.padEnd(paths)}   ${kind.padEnd(kinds)}   ${advice}`,
    );
    if (count > refusals.length) lines.push(`\n  … and ${count - refusals.length} more`);
    super(
      "ERR_PAYLOAD_REFUSED",
      `Cannot send ${what}: ${counted(count, "value")} cannot travel.${lines.join("")}`,
    );
    this.refusals = refusals;
    this.count = count;
  }
}

/** `ERR_PAYLOAD_LIMIT`: a payload or a text is larger than a limit allows. */
export class LimitError extends PetioleError {
  /** The setting's name in `limits`. */
  declare readonly limit: string;
  /** How much the limit allows, in its own unit. */
  declare readonly allowed: number;
  /** How much there was, or the least that there was when it was not counted to its end. */
  declare readonly received: number;

  constructor(what: string, limit: string, allowed: number, received: number) {
    super(
      "ERR_PAYLOAD_LIMIT",
      `${what} is over the limit \`${limit}\`: ${received}, where ${allowed} is allowed. ` +
        `Send less (a reference instead of the rows, say), or raise \`limits.${limit}\`.`,
    );
    this.limit = limit;
    this.allowed = allowed;
    this.received = received;
  }
}

/** `ERR_TEXT_UNDECODABLE` or `ERR_TYPE_UNKNOWN`: a text cannot become what it says it is. */
export class DecodeError extends PetioleError {
  /** Where: `payload.fee`. */
  declare readonly path: string;
  /** What the format, or the class, wants there. */
  declare readonly expected: string;
  /** What is there instead, described and cut short. */
  declare readonly found: string;
  /** The value classes that this process knows, when the text names one that it does not. */
  declare readonly known: readonly string[] | undefined;
  /** The name that it does not know. */
  declare readonly type: string | undefined;

  constructor(
    at: { readonly path: string; readonly expected: string; readonly found: string },
    options: { readonly known?: readonly string[]; readonly type?: string; readonly cause?: unknown } = {},
  ) {
    const { known } = options;
    const names = known ? ` This process knows ${known.join(", ") || "none"}.` : "";
    super(
      known ? "ERR_TYPE_UNKNOWN" : "ERR_TEXT_UNDECODABLE",
      `Cannot decode ${at.path}: expected ${at.expected}, found ${at.found}.${names}`,
      options.cause === undefined ? undefined : options,
    );
    this.path = at.path;
    this.expected = at.expected;
    this.found = at.found;
    this.known = known;
    this.type = options.type;
  }
}

/** One field of a value that is not as its class declares it. */
export interface FieldIssue {
  /** The way to the field, from the value: `["lines", 3, "amount"]`; empty for the value itself. */
  readonly path: readonly (string | number)[];
  /** What is wrong: `expected bigint, received string "5"`. */
  readonly message: string;
}

/** `ERR_VALUE_INVALID`: the fields given to a value class are not what it declares. Holds the issues. */
export class ValueError extends PetioleError {
  /** The value class's name, `shop.Money`. */
  declare readonly type: string;
  /** All that is wrong, field by field; of a field table, the first hundred. */
  declare readonly issues: readonly FieldIssue[];

  constructor(type: string, issues: readonly FieldIssue[], options?: { readonly cause?: unknown }) {
    const lines = issues.map(
      ({ path, message }) => `\n  ${path.length > 0 ? path.join(".") : "(the value)"}   ${message}`,
    );
    const message = `Not a valid ${type}: ${counted(issues.length, "issue")}.${lines.join("")}`;
    super("ERR_VALUE_INVALID", message, options);
    this.type = type;
    this.issues = issues;
  }
}

/** `1 value`, `2 values`. */
function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** How the ends are told that are not "was …". */
const ends: Readonly<Record<string, string>> = { failed: "failed", timeout: "timed out", expired: "expired" };

/**
 * `ERR_TASK_FAILED`, `ERR_TASK_TIMEOUT`, `ERR_TASK_PARKED`, `ERR_TASK_SKIPPED`, `ERR_TASK_DISCARDED`,
 * `ERR_TASK_EXPIRED` or `ERR_TASK_CANCELLED`: how a task ended, to whoever waits for its result.
 */
export class TaskError extends PetioleError {
  /** The task's id. */
  declare readonly id: string;
  /** The task's name. */
  declare readonly task: string;
  /** Why, as the engine keeps it: the thrown error's class and stack are in `details`. */
  declare readonly reason: { readonly code: string; readonly message: string; readonly details?: unknown };

  constructor(
    code: ErrorCode,
    what: { readonly id: string; readonly task: string; readonly reason: TaskError["reason"] },
  ) {
    const state = code.slice("ERR_TASK_".length).toLowerCase();
    const ending = ends[state] ?? `was ${state}`;
    super(code, `Task ${what.task} (${what.id}) ${ending}: ${what.reason.message}`);
    this.id = what.id;
    this.task = what.task;
    this.reason = what.reason;
  }
}

/**
 * `ERR_ENGINE_UNSUPPORTED`: an engine lacks what is asked of it.
 *
 * @param asked what is asked: `priority of task posts.index`
 * @param lacks the engine's own words, from its capabilities: why, and what to do instead
 */
export function unsupported(asked: string, engine: string, lacks: string): PetioleError {
  const text = `The ${engine} engine cannot do what is asked with ${asked}: ${lacks.replace(/\.$/, "")}.`;
  return new PetioleError("ERR_ENGINE_UNSUPPORTED", text);
}

/** @throws PetioleError `ERR_OPTION_INVALID` for an option that is not as it must be */
export function checkOption(isRight: boolean, option: string, expected: string, received: unknown): void {
  if (isRight) return;
  const message = `${option} must be ${expected}, received ${describe(received)}.`;
  throw new PetioleError("ERR_OPTION_INVALID", message);
}

/**
 * Refuses options that are no object, or have a name that is none of theirs: what is misspelled would go unheard.
 *
 * @param whose how the message calls them: `The options of a worker`
 * @param names an object with all the names there are
 * @param advice what to do instead, said after the names
 * @throws PetioleError `ERR_OPTION_INVALID`
 */
export function checkNames(whose: string, options: object, names: object, advice = ""): void {
  const isObject = typeof options === "object" && options !== null && !Array.isArray(options);
  checkOption(isObject, whose, "an object", options);
  for (const [name, value] of Object.entries(options))
    if (value !== undefined && !Object.hasOwn(names, name))
      checkOption(false, whose, `among ${Object.keys(names).join(", ")}${advice}`, name);
}

/** Runs a reader of something strange: a getter or a proxy may throw anything. */
export function attempt<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** An error's message, or what can be said of something else that was thrown. Never throws. */
export function messageOf(thrown: unknown): string {
  const message = attempt(() => (thrown instanceof Error ? String(thrown.message) : describe(thrown)));
  return message ?? "an error that cannot be read";
}

/** All that an error says: its message and its code, and those of what caused it. For looking whose error it is. */
export function wordsOf(thrown: unknown): string {
  const words: string[] = [];
  for (let each = thrown, depth = 0; each instanceof Error && depth < 5; each = each.cause, depth++) {
    words.push(messageOf(each), String(attempt(() => Reflect.get(each as Error, "code") as unknown)));
  }
  return words.length > 0 ? words.join(" ") : messageOf(thrown);
}

/** A name for what was received, short enough for a message: `string "abc"`, `Date`, `null`. */
export function describe(value: unknown): string {
  if (typeof value === "string") {
    return `string ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)}`;
  }
  if (typeof value === "number" || typeof value === "boolean")
    return `${typeof value} ${Object.is(value, -0) ? "-0" : value}`;
  if (typeof value !== "object") return typeof value;
  return value === null ? "null" : (className(value) ?? "object");
}

/** The name of an object's class, read from its prototype; undefined for a plain or bare object. */
export function className(value: object): string | undefined {
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (prototype === null || prototype === Object.prototype) return undefined;
  const maker: unknown = Object.getOwnPropertyDescriptor(prototype, "constructor")?.value;
  return (typeof maker === "function" && maker.name) || "(anonymous class)";
}

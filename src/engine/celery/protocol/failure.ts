/**
 * Failures: Petiole's reasons as exceptions of Python's, and back.
 *
 * @module
 */
import type { Reason } from "../../../engine.ts";
import type { Json } from "../../../message.ts";
import { isObject } from "./malformed.ts";
import { exceptionClasses, notExceptions } from "./python-names.ts";

/** An exception as Celery's result backends keep it. */
export interface PythonError {
  /** The class's name, with the classes that it is in before it: `Outer.Inner`. */
  readonly type: string;
  /** Null for a class that Celery makes up: one of that name in no module. */
  readonly module: string | null;
  readonly args: readonly Json[];
}

const celeryExceptions = "celery.exceptions";

/** Errors of JavaScript's, and what they are in Python. */
const counterparts: Readonly<Record<string, string>> = {
  Error: "Exception",
  TypeError: "TypeError",
  RangeError: "ValueError",
  SyntaxError: "SyntaxError",
  ReferenceError: "NameError",
};

/** What became of rows, and the classes of the Python package for it. Where that is missing, Celery makes up such a class. */
const rowErrors: Readonly<Record<string, string>> = {
  ERR_ROW_MISSING: "RowMissing",
  ERR_ROW_CHANGED: "RowChanged",
};
const petioleErrors = "petiole.errors";

/**
 * What Python shall raise for a reason. Never something that is no exception class there, and never one that ends the
 * process of whoever asks for the result.
 *
 * @param exceptions the user's own, by the error's name
 * @param task its task's name, which is what Python says of a task that nobody knows
 */
export function pythonError(
  reason: Reason,
  exceptions: Readonly<Record<string, string>>,
  task?: string,
): PythonError {
  const details = isObject(reason.details) ? reason.details : {};
  const kept = keptError(details["python"]) ?? keptError({ type: details["name"], ...details });
  if (kept) return kept;
  const args = [reason.message];
  const { name } = details;
  if (typeof name === "string" && Object.hasOwn(exceptions, name)) {
    const [module, type] = classAt(exceptions[name]!);
    return safe(type, module, args);
  }
  if (reason.code === "ERR_TASK_TIMEOUT")
    return { type: "TimeLimitExceeded", module: celeryExceptions, args };
  if (reason.code === "ERR_TASK_UNKNOWN") {
    return { type: "NotRegistered", module: celeryExceptions, args: task === undefined ? args : [task] };
  }
  if (Object.hasOwn(rowErrors, reason.code)) {
    return { type: rowErrors[reason.code]!, module: petioleErrors, args };
  }
  if (typeof name !== "string") return safe("Exception", "builtins", args);
  if (Object.hasOwn(counterparts, name)) return { type: counterparts[name]!, module: "builtins", args };
  return safe(name, celeryExceptions, args);
}

/** Celery looks for the module, and then in it for the class, by its name or the names of the classes that it is in. */
function classAt(path: string): readonly [module: string, type: string] {
  const at = path.includes(":") ? path.indexOf(":") : path.lastIndexOf(".");
  return [at < 0 ? celeryExceptions : path.slice(0, at), path.slice(at + 1)];
}

/** What revoked tasks end with. */
export function revokedError(reason: string): PythonError {
  return { type: "TaskRevokedError", module: celeryExceptions, args: [reason] };
}

/** An exception that came from Python, or that was thrown as one. */
function keptError(value: unknown): PythonError | undefined {
  if (!isObject(value)) return undefined;
  const { module, type, args } = value;
  if (typeof type !== "string" || (typeof module !== "string" && module !== null) || !Array.isArray(args))
    return undefined;
  return safe(type, module, args as readonly Json[]);
}

function safe(type: string, module: string | null, args: readonly Json[]): PythonError {
  const name = type
    .slice(0, 200)
    .split(".")
    .map((part) => part.replaceAll(/\W/g, "_").replace(/^(?=\d)/, "_"))
    .filter((part) => part !== "")
    .join(".");
  if (name === "") return { type: "Exception", module: "builtins", args };
  const isKnown =
    module === "builtins"
      ? exceptionClasses.has(name)
      : module === celeryExceptions
        ? !notExceptions.has(name) && !name.startsWith("_") && !name.includes(".")
        : module !== null && /^[A-Za-z_][\w.]*$/.test(module);
  return isKnown ? { type: name, module, args } : { type: name.replaceAll(".", "_"), module: null, args };
}

/** What a result backend says of a failure. */
export interface StoredFailure {
  readonly exc_type?: unknown;
  readonly exc_message?: unknown;
  readonly exc_module?: unknown;
}

/** The reason for a failure of Python's. Whatever is stored there gives one. */
export function reasonOfPython(stored: unknown, traceback: unknown): Reason {
  const {
    exc_type: type,
    exc_message: message,
    exc_module: module,
  }: StoredFailure = isObject(stored) ? unwrapped(stored) : { exc_message: stored };
  const name = typeof type === "string" && type !== "" ? type : "Exception";
  const args = (Array.isArray(message) ? message : message === undefined ? [] : [message]) as readonly Json[];
  const text = messageOf(args);
  const details = {
    name,
    module: typeof module === "string" ? module : null,
    args,
    ...(typeof traceback === "string" && { stack: traceback }),
  };
  const [code, said] = codeOf(name, module, text, args);
  return { code, message: said, details };
}

/** Celery wraps what it cannot pickle: its arguments are `[module, name, arguments, repr]` of the exception itself. */
function unwrapped(stored: StoredFailure): StoredFailure {
  const { exc_type: wrapper, exc_module: from, exc_message: told } = stored;
  if (wrapper !== "UnpickleableExceptionWrapper" || from !== "celery.utils.serialization") return stored;
  const [module, type, args] = (Array.isArray(told) ? told : []) as readonly unknown[];
  if (typeof module !== "string" || typeof type !== "string" || !Array.isArray(args)) return stored;
  return { exc_type: type, exc_module: module, exc_message: args };
}

function codeOf(
  name: string,
  module: unknown,
  text: string,
  args: readonly Json[],
): readonly [string, string] {
  const isCelerys = module === celeryExceptions || module === "billiard.exceptions";
  if (isCelerys && (name === "TimeLimitExceeded" || name === "SoftTimeLimitExceeded")) {
    const [limit] = args;
    const told = typeof limit === "number" ? ` of ${limit} s` : typeof limit === "string" ? `: ${limit}` : "";
    return [
      "ERR_TASK_TIMEOUT",
      typeof limit === "string" ? limit : `it ran longer than its time limit${told} (${name})`,
    ];
  }
  if (isCelerys && name === "NotRegistered")
    return ["ERR_TASK_UNKNOWN", text === "" ? "no worker has a task of this name" : text];
  if (isCelerys && name === "TaskRevokedError")
    return text === "expired"
      ? ["ERR_TASK_EXPIRED", "its time to run by was over before it ran"]
      : ["ERR_TASK_CANCELLED", text === "" ? "revoked" : text];
  const code = Object.keys(rowErrors).find((each) => module === petioleErrors && rowErrors[each] === name);
  return [code ?? "ERR_TASK_FAILED", text === "" ? name : text];
}

/** As Python's `str(exception)` has it, near enough to be read. */
function messageOf(args: readonly Json[]): string {
  if (args.length === 1) {
    const only = untagged("", args[0]!);
    return typeof only === "string" ? only : jsonOf(only);
  }
  return args.length === 0 ? "" : `(${args.map(jsonOf).join(", ")})`;
}

function jsonOf(value: Json): string {
  try {
    return JSON.stringify(value, untagged);
  } catch {
    // Nested deeper than can be written.
    return "…";
  }
}

/** A Decimal, a date, a UUID: what it holds, without its tag. */
function untagged(_key: string, value: Json): Json {
  if (!isObject(value)) return value;
  const { __type__: type, __value__: held, ...others } = value as { readonly [key: string]: Json };
  if (typeof type !== "string" || held === undefined || Object.keys(others).length > 0) return value;
  return isObject(held) && typeof held["hex"] === "string" ? held["hex"] : held;
}

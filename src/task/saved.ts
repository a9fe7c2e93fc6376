/** What shall happen when rows are saved: the listeners of an app. @module */
import { checkNames } from "../errors.ts";
import type { ModelDescription, OrmAdapter } from "../model/adapter.ts";
import type { SaveEvent, SaveOperation } from "../model/observer.ts";
import { referTo } from "../model/ref.ts";
import { findModel } from "../model/registry.ts";
import type { Reference } from "../wire/reference.ts";
import { optionError } from "./options.ts";
import { Task } from "./task.ts";

/** When a listener is called. */
export interface SaveOptions<Row extends object = object> {
  /** What was done to the row. Inserts and updates, unless told. */
  readonly on?: SaveOperation | readonly SaveOperation[];
  /**
   * Whether to be called for this row. It is not asked where the ORM does not have the row whole: then the listener is
   * called.
   */
  readonly when?: (row: Row, saved: Saved<Row>) => boolean;
}

/** A row that was saved. */
export interface Saved<Row extends object = object> {
  /** What was done to the row. */
  readonly operation: SaveOperation;
  /** The row as the ORM has it, if it has it whole. */
  readonly row: Row | undefined;
}

/** What `app.saved` is told. */
export interface SavedOptions {
  /** What was done to the row. `"update"` unless told. */
  readonly operation?: SaveOperation;
  /** The handle of the transaction that it was saved in. Unless told, the one that `saved` is called in, if any. */
  readonly transaction?: object;
}

/** The properties of a payload that a row, or a reference to it, may be sent as. */
export type PropertyFor<Row, Payload> = {
  [Property in keyof Payload & string]: Row extends Payload[Property] ? Property : never;
}[keyof Payload & string];

/** Is called for each row, in the transaction that saves it. What it throws undoes the write. */
export type SaveListener<Row extends object> = (reference: Reference<Row>, saved: Saved<Row>) => unknown;

interface Listening {
  readonly listener: SaveListener<object>;
  readonly on: readonly SaveOperation[];
  readonly when: SaveOptions["when"];
}

/** What is to be called: a function as it is, or the sending of a task with the row as one property of its payload. */
export function saveListener(then: unknown, as: string | undefined): SaveListener<object> {
  if (typeof then === "function") return then as SaveListener<object>;
  if (!(then instanceof Task)) throw optionError("onSave()", "be given a function or a task", then);
  if (typeof as !== "string") {
    throw optionError("as of onSave()", "name the property of the payload that the row is sent as", as);
  }
  return (reference) => then.enqueue({ [as]: reference });
}

const operations: readonly unknown[] = ["insert", "update", "delete"] satisfies SaveOperation[];

/** @throws PetioleError `ERR_OPTION_INVALID` */
export function checkedOperation(value: SaveOperation, what: string): SaveOperation {
  if (!operations.includes(value)) throw optionError(what, 'be "insert", "update" or "delete"', value);
  return value;
}

/** @throws PetioleError `ERR_OPTION_INVALID` for what would never be called */
export function checkedSaveOptions(options: SaveOptions & { readonly as?: string }): SaveOptions {
  checkNames("The options of onSave()", options, { on: true, when: true, as: true });
  const { on, when } = options;
  const given = on === undefined ? undefined : [on].flat();
  if (given?.length === 0) throw optionError("on of onSave()", "name what is done to a row", on);
  for (const each of given ?? []) checkedOperation(each, "on of onSave()");
  if (when !== undefined && typeof when !== "function")
    throw optionError("when of onSave()", "be a function of the row", when);
  return { ...(given ? { on: given } : {}), ...(when ? { when } : {}) };
}

/** Whether a row that somebody tells of has all of its columns, where it is known which these are. */
export function isWhole({ name, fields }: ModelDescription, adapter: OrmAdapter, row: object): boolean {
  if (fields === undefined) return true;
  const has = adapter.fieldsOf(name, row);
  return fields.every((field) => field in has || Reflect.get(row, field) !== undefined);
}

/** By model. */
export class SaveListeners {
  readonly #byModel = new Map<string, Set<Listening>>();
  /** The bulk writes that were warned about. */
  readonly #warned = new Set<string>();

  /** @returns the function that ends it */
  add(model: string, listener: SaveListener<object>, { on, when }: SaveOptions): () => void {
    const operations = on === undefined ? (["insert", "update"] as const) : [on].flat();
    const listening: Listening = { listener, on: operations, when };
    const listeners = this.#byModel.get(model) ?? new Set();
    this.#byModel.set(model, listeners.add(listening));
    return () => void listeners.delete(listening);
  }

  /** Calls the listeners one after another. */
  async saved({ model, operation, key, row }: SaveEvent, adapter: OrmAdapter): Promise<void> {
    const listeners = [...(this.#byModel.get(model) ?? [])].filter(({ on }) => on.includes(operation));
    if (listeners.length === 0) return;
    if (key === undefined) return this.#warn(model, operation);
    const { description } = findModel([adapter], model, adapter.connection);
    const reference = referTo({ description, adapter }, row ?? key);
    for (const { listener, when } of listeners) {
      const saved: Saved = { operation, row };
      if (row === undefined || when === undefined || when(row, saved)) await listener(reference, saved);
    }
  }

  #warn(model: string, operation: SaveOperation): void {
    const what = `${operation} of ${model}`;
    if (this.#warned.has(what)) return;
    this.#warned.add(what);
    process.emitWarning(
      `A bulk ${what} does not say which rows it wrote, so app.onSave() was not told of them. ` +
        "Write them one by one, or call app.saved() for each.",
      { type: "PetioleWarning", code: "PETIOLE_BULK_WRITE" },
    );
  }
}

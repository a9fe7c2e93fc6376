/** The rows of one run: those that its payload's references stand for, and those that it fetches itself. @module */
import { PetioleError, describe } from "../errors.ts";
import type { OrmAdapter } from "../model/adapter.ts";
import { loadReferences, type LoadedRows } from "../model/loader.ts";
import { findModel } from "../model/registry.ts";
import { differences } from "../model/snapshot.ts";
import { Lazy } from "../wire/lazy.ts";
import type { Key, Reference, ReferenceDetails } from "../wire/reference.ts";
import type { FieldChange } from "../wire/snapshot.ts";

const nothing: LoadedRows = { rowOf: () => undefined, modelOf: () => undefined, missing: [], changed: [] };

/** What is known of the rows of one run. */
class Known {
  readonly rows = new Map<string, object>();
  readonly models = new WeakMap<object, { readonly name: string; readonly connection: string | undefined }>();
  readonly loading = new Map<string, Promise<object>>();
  /** What rows were when they were sent, for those whose references say it. */
  readonly was = new WeakMap<object, object>();
}

/** Rows by reference; each row is one object. */
export class TaskRows {
  /** The references whose rows the database does not have. */
  readonly missing: readonly Reference[];
  /** The references whose rows are others by now than they say. */
  readonly changed: readonly Reference[];
  readonly #adapters: readonly OrmAdapter[];
  readonly #loaded: LoadedRows;
  /** Made with the first row: most runs have none, and a WeakMap is much work for the garbage collector. */
  #known: Known | undefined;

  private constructor(adapters: readonly OrmAdapter[], loaded: LoadedRows) {
    this.#adapters = adapters;
    this.#loaded = loaded;
    this.missing = loaded.missing;
    this.changed = loaded.changed;
  }

  /** For a payload without references. */
  static none(adapters: readonly OrmAdapter[]): TaskRows {
    return new TaskRows(adapters, nothing);
  }

  /**
   * Loads the rows of references: one query for each model.
   *
   * @throws PetioleError as `loadReferences`
   */
  static async load(adapters: readonly OrmAdapter[], references: readonly Reference[]): Promise<TaskRows> {
    const loaded = await loadReferences(adapters, references);
    const rows = new TaskRows(adapters, loaded);
    for (const reference of references) {
      const row = loaded.rowOf(reference);
      if (row) rows.#add(reference, row);
    }
    return rows;
  }

  /** The row of a reference of the payload; undefined where that does not see it, as a row that its model hides. */
  rowOf(reference: Reference): object | undefined {
    return this.#loaded.rowOf(reference);
  }

  modelOf(row: object): string | undefined {
    return this.#known?.models.get(row)?.name;
  }

  /**
   * In what a row differs from what it was when it was sent.
   *
   * @throws PetioleError `ERR_MODEL_UNKNOWN` for a row that did not travel with its fields
   */
  drift(row: object): readonly FieldChange[] {
    const model = this.#known?.models.get(row);
    const was = this.#known?.was.get(row);
    if (model === undefined || was === undefined) {
      throw new PetioleError(
        "ERR_MODEL_UNKNOWN",
        `job.drift() was given ${describe(row)}, whose fields did not travel with its reference: send it with ` +
          "ref(table, row, { drift: true }), or declare drift: true on the task.",
      );
    }
    const { adapter } = findModel(this.#adapters, model.name, model.connection);
    return differences(was, adapter.fieldsOf(model.name, row));
  }

  /** A lazy reference that fetches its row from here. */
  lazy(reference: Reference): Lazy {
    return new Lazy(reference, () => this.#fetch(reference));
  }

  #add(reference: Reference, row: object): void {
    const { rows, models, was } = (this.#known ??= new Known());
    const name = nameIn(reference.identity, reference.details);
    if (!rows.has(name)) rows.set(name, row);
    models.set(row, { name: reference.model, connection: reference.details?.connection });
    if (reference.was && !was.has(row)) was.set(row, reference.was);
  }

  #fetch(reference: Reference): Promise<object> {
    const { identity, details } = reference;
    const { rows, loading: others } = (this.#known ??= new Known());
    // With relations it is loaded anew: the row that is there may be without.
    const known = details?.with?.length ? undefined : seenIn(rows, identity, details);
    if (known) return Promise.resolve(known);
    const way = nameIn(identity, details);
    const name = details?.with?.length ? JSON.stringify([way, details.with]) : way;
    const loading = others.get(name) ?? this.#ask(reference);
    others.set(name, loading);
    // What failed is asked for again by the next call.
    loading.catch(() => others.delete(name));
    return loading;
  }

  async #ask(reference: Reference): Promise<object> {
    const loaded = (await loadReferences(this.#adapters, [reference])).rowOf(reference);
    if (!loaded) throw missingError(reference);
    // It may have come by another way by now: one row is one object.
    const { details, identity } = reference;
    const known = details?.with?.length
      ? undefined
      : seenIn((this.#known ??= new Known()).rows, identity, { ...details, scope: "all" });
    const row = known ?? loaded;
    this.#add(reference, row);
    return row;
  }
}

type Way = Pick<ReferenceDetails, "scope" | "from">;

/** A row's name, in the scope that it was seen in, and on the copy of the database. */
function nameIn(identity: string, { scope, from }: Way = {}): string {
  return scope === undefined && from !== "replica"
    ? identity
    : JSON.stringify([identity, scope, from === "replica"]);
}

/**
 * A row that is there and answers a reference: one that all see does for who asks for hidden ones, too, and the
 * primary's for who asks a replica. Not the other way round.
 */
function seenIn(
  rows: ReadonlyMap<string, object>,
  identity: string,
  { scope, from }: Way = {},
): object | undefined {
  // What was given once is given again.
  const given = rows.get(nameIn(identity, { ...(scope && { scope }), ...(from && { from }) }));
  if (given) return given;
  const scopes = scope === "all" ? [undefined, scope] : [undefined];
  const copies = from === "replica" ? (["primary", from] as const) : (["primary"] as const);
  for (const copy of copies) {
    for (const each of scopes) {
      const row = rows.get(nameIn(identity, { ...(each && { scope: each }), from: copy }));
      if (row) return row;
    }
  }
  return undefined;
}

/** The error of a row that is not there. */
export function missingError({ model, pk }: Reference): PetioleError {
  return new PetioleError("ERR_ROW_MISSING", `there is no ${model} with the key ${keyText(pk)}`);
}

/** A key, for a person. */
export function keyText(pk: Key): string {
  if (typeof pk !== "object") return String(pk);
  return Object.entries(pk)
    .map(([attribute, part]) => `${attribute}=${part}`)
    .join(", ");
}

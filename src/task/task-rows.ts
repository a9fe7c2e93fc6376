/** The rows of one run: those that its payload's references stand for, and those that it fetches itself. @module */
import { PetioleError } from "../errors.ts";
import type { OrmAdapter } from "../model/adapter.ts";
import { loadReferences } from "../model/loader.ts";
import { Lazy } from "../wire/lazy.ts";
import type { Reference } from "../wire/reference.ts";

/** Rows by reference; each row is one object. */
export class TaskRows {
  /** The references whose rows the database does not have. */
  readonly missing: readonly Reference[];
  readonly #adapters: readonly OrmAdapter[];
  readonly #rows = new Map<string, object>();
  readonly #models = new WeakMap<object, string>();
  readonly #loading = new Map<string, Promise<object>>();

  private constructor(adapters: readonly OrmAdapter[], missing: readonly Reference[]) {
    this.#adapters = adapters;
    this.missing = missing;
  }

  /**
   * Loads the rows of references: one query for each model.
   *
   * @throws PetioleError as `loadReferences`
   */
  static async load(adapters: readonly OrmAdapter[], references: readonly Reference[]): Promise<TaskRows> {
    const loaded = await loadReferences(adapters, references);
    const rows = new TaskRows(adapters, loaded.missing);
    for (const reference of references) {
      const row = loaded.rowOf(reference);
      if (row) rows.#add(reference, row);
    }
    return rows;
  }

  rowOf(reference: Reference): object | undefined {
    return this.#rows.get(reference.identity);
  }

  modelOf(row: object): string | undefined {
    return this.#models.get(row);
  }

  /** A lazy reference that fetches its row from here. */
  lazy(reference: Reference): Lazy {
    return new Lazy(reference, () => this.#fetch(reference));
  }

  #add(reference: Reference, row: object): void {
    this.#rows.set(reference.identity, row);
    this.#models.set(row, reference.model);
  }

  #fetch(reference: Reference): Promise<object> {
    const { identity } = reference;
    const known = this.#rows.get(identity);
    if (known) return Promise.resolve(known);
    const loading = this.#loading.get(identity) ?? this.#ask(reference);
    this.#loading.set(identity, loading);
    // What failed is asked for again by the next call.
    loading.catch(() => this.#loading.delete(identity));
    return loading;
  }

  async #ask(reference: Reference): Promise<object> {
    const row = (await loadReferences(this.#adapters, [reference])).rowOf(reference);
    if (!row) throw missingError(reference);
    this.#add(reference, row);
    return row;
  }
}

/** The error of a row that is not there. */
export function missingError({ model, pk }: Reference): PetioleError {
  const key =
    typeof pk === "object"
      ? Object.entries(pk)
          .map(([attribute, part]) => `${attribute}=${part}`)
          .join(", ")
      : pk;
  return new PetioleError("ERR_ROW_MISSING", `there is no ${model} with the key ${key}`);
}

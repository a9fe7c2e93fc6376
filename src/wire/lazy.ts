/**
 * A reference that arrives unloaded: the handler decides whether and when to fetch the row.
 *
 * Made by `lazy(…)` in `model/`; on the wire it is the tag `ref` with a mark.
 *
 * @module
 */
import { PetioleError } from "../errors.ts";
import type { Reference } from "./reference.ts";
import { advice, rowsAdvice } from "./value-type.ts";

/** Stands for a stored row, and can fetch it. `Row` is the type of the row. */
export class Lazy<Row extends object = object> {
  readonly reference: Reference<Row>;
  readonly #load: (() => Promise<Row>) | undefined;

  /** Made by `lazy(…)` and by the decoder alone. */
  constructor(reference: Reference<Row>, load?: () => Promise<Row>) {
    this.reference = reference;
    this.#load = load;
  }

  /** What to do where a wire does not know it. */
  get [advice](): string {
    return rowsAdvice;
  }

  /**
   * The row as it is now. Asked for once; every call gives the same.
   *
   * @throws PetioleError `ERR_ROW_MISSING` when it is gone, `ERR_DATABASE_UNREACHABLE` when that cannot be told,
   *   `ERR_MODEL_UNKNOWN` where it was decoded without a database
   */
  async load(): Promise<Row> {
    if (this.#load) return this.#load();
    throw new PetioleError(
      "ERR_MODEL_UNKNOWN",
      `load() of a lazy reference to ${this.reference.model}: there is no database here; a worker's handler has one.`,
    );
  }
}

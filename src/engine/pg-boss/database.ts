/**
 * Running statements: in bounded time, and again when two were in each other's way.
 *
 * @module
 */
import { engineError, isConflict, lateError } from "./errors.ts";
import type { Names } from "./names.ts";
import type { Sql } from "./sql.ts";

/** How often a statement is tried that was in another's way. */
const attempts = 8;

/** A row, by column. */
export type Row = Readonly<Record<string, unknown>>;

/** The database of one engine. */
export class Database {
  readonly sql: Sql;
  readonly names: Names;
  readonly #timeout: number;

  constructor(sql: Sql, names: Names, timeout: number) {
    this.sql = sql;
    this.names = names;
    this.#timeout = timeout;
  }

  /**
   * Runs a statement. `what` is for the message of an error: `sending 3 tasks`. `late` is called when it was done after all,
   * once it had been given up.
   *
   * @throws PetioleError `ERR_ENGINE_UNREACHABLE`, also when it takes too long, or `ERR_ENGINE_FAILED`
   */
  async query(
    what: string,
    text: string,
    values?: readonly unknown[],
    late?: () => void,
  ): Promise<readonly Row[]> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#bounded(what, this.sql.query(text, values), this.#timeout, late);
      } catch (error) {
        if (!isConflict(error) || attempt === attempts) throw engineError(error, what);
        await new Promise((resolve) => {
          setTimeout(resolve, Math.random() * 5 * 2 ** attempt);
        });
      }
    }
  }

  /** The JSON that a statement gives as the text of its only column, `json`. */
  async json<T>(what: string, text: string, values?: readonly unknown[]): Promise<T> {
    const [row] = await this.query(what, text, values);
    return JSON.parse(String(row?.["json"])) as T;
  }

  /** As {@link json}, within so many milliseconds, and whatever else uses the connections. */
  async urgent<T>(what: string, text: string, values: readonly unknown[], within: number): Promise<T> {
    const { urgent } = this.sql;
    try {
      const running = urgent === undefined ? this.sql.query(text, values) : urgent(text, values, within);
      const [row] = await this.#bounded(what, running, within);
      return JSON.parse(String(row?.["json"])) as T;
    } catch (error) {
      throw engineError(error, what);
    }
  }

  async #bounded<T>(what: string, running: Promise<T>, within: number, late?: () => void): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const over = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        if (late !== undefined) running.then(late, () => undefined);
        reject(lateError(what, within));
      }, within);
    });
    try {
      return await Promise.race([running, over]);
    } finally {
      clearTimeout(timer);
    }
  }
}

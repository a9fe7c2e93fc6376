/**
 * What runs tell: progress and lines.
 *
 * @module
 */
import type { Lease, Report } from "../../engine.ts";
import { Batcher } from "./batcher.ts";
import type { Database } from "./database.ts";
import { jobId } from "./ids.ts";
import { tokenColumn } from "./settlements.ts";
import { toColumn } from "../shared/text.ts";

/** Of a task's lines, so many are kept. */
const linesKept = 1000;

/** Keeps what runs tell, as long as their leases are held. */
export class Reports {
  readonly #database: Database;
  readonly #who: string;
  readonly #told: (jobs: readonly string[]) => void;
  readonly #batcher: Batcher<object & { readonly j: string; readonly a: number }, boolean>;

  constructor(database: Database, who: string, told: (jobs: readonly string[]) => void) {
    this.#database = database;
    this.#who = who;
    this.#told = told;
    this.#batcher = new Batcher((items) => this.#write(items), 200);
  }

  /** Whether the lease was held. */
  async report({ id, token }: Lease, { progress, lines = [] }: Report): Promise<boolean> {
    return this.#batcher.add({
      j: jobId(id),
      a: tokenColumn(token),
      ...(progress !== undefined && { p: JSON.stringify(progress) }),
      ...(lines.length > 0 && {
        lines: lines.slice(-linesKept).map(({ at, text }) => [Math.floor(at), toColumn(text)]),
      }),
    });
  }

  idle(): Promise<void> {
    return this.#batcher.idle();
  }

  async #write(
    items: readonly (object & { readonly j: string; readonly a: number })[],
  ): Promise<readonly boolean[]> {
    const held = new Set(
      await this.#database.json<readonly number[]>(
        "keeping what runs tell",
        `SELECT ${this.#database.names.own}.report($1::text, $2::bigint, $3::text) AS json`,
        [JSON.stringify(items.map((item, n) => ({ n, ...item }))), linesKept, this.#who],
      ),
    );
    this.#told(items.map(({ j }) => j));
    return items.map((_, index) => held.has(index));
  }
}

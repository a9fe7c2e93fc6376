/**
 * Listing tasks, page by page.
 *
 * @module
 */
import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { endStates } from "../../engine.ts";
import type { ListRequest, TaskPage, TaskState } from "../../engine.ts";
import { PetioleError } from "../../errors.ts";
import { readRecord, recordColumns } from "./records.ts";
import { ended } from "./schema.ts";
import { toColumn } from "../shared/text.ts";

const everyState: readonly TaskState[] = ["scheduled", "waiting", "running", ...endStates];

/** One page of tasks, oldest first; its mark is the sequence of its last task. */
export function listTasks(database: DatabaseSync, request: ListRequest): TaskPage {
  const limit = request.limit ?? 100;
  const after = Number(request.after ?? 0);
  if (!Number.isSafeInteger(after)) {
    throw new PetioleError(
      "ERR_OPTION_INVALID",
      `list: "after" is the "next" of a page before, not "${request.after}".`,
    );
  }
  const parameters: SQLInputValue[] = [];
  const parts = sources(request).map((source) => {
    let condition = `${source} AND sequence > ?`;
    parameters.push(after);
    if (request.queue !== undefined) {
      condition += " AND queue = ?";
      parameters.push(toColumn(request.queue));
    }
    if (request.task !== undefined) {
      condition += " AND task = ?";
      parameters.push(toColumn(request.task));
    }
    // One more than asked for tells whether there is another page.
    parameters.push(limit + 1);
    return `SELECT * FROM (SELECT sequence FROM ${condition} ORDER BY sequence LIMIT ?)`;
  });
  if (parts.length === 0) return { records: [] };
  const rows = database
    .prepare(
      `SELECT ${recordColumns} FROM tasks
       WHERE sequence IN (${parts.join(" UNION ALL ")}) ORDER BY sequence LIMIT ${Number(limit) + 1}`,
    )
    .all(...parameters);
  const records = rows.slice(0, limit).map(readRecord);
  const last = rows[limit - 1];
  return rows.length > limit && last !== undefined
    ? { records, next: String(last["sequence"]) }
    : { records };
}

/**
 * Where to look: the table in its order, or, when states or a queue narrow it down, the indexes of the states,
 * so that the few failed tasks among a million are found without reading the million.
 */
function sources({ states, queue }: ListRequest): string[] {
  if (states === undefined && queue === undefined) return ["tasks WHERE true"];
  return [...new Set(states ?? everyState)]
    .filter((state) => everyState.includes(state))
    .map((state) => {
      const isEnd = (endStates as readonly TaskState[]).includes(state);
      return isEnd
        ? `tasks INDEXED BY tasks_ended WHERE ${ended} AND state = '${state}'`
        : `tasks INDEXED BY tasks_${state} WHERE state = '${state}'`;
    });
}

/** petiole retry, petiole discard: what a person decides about failed and parked tasks. @module */
import type { TaskState } from "../engine.ts";
import { PetioleError } from "../errors.ts";
import type { App } from "./app-module.ts";
import type { Invocation } from "./arguments.ts";

/** Retries or discards the named tasks, or all that are failed or parked. Says how many there were. */
export async function change(
  app: App,
  { names: ids, flags }: Invocation,
  command: "retry" | "discard",
): Promise<number> {
  const apply = (some: readonly string[]): Promise<number> =>
    command === "retry"
      ? app.engine.retry(some)
      : app.engine.discard(some, { code: "ERR_TASK_DISCARDED", message: "discarded on the command line" });
  const refused: string[] = [];
  let changed = 0;
  if (ids.length > 0) {
    // One by one, so that those which cannot be changed can be named.
    for (const id of new Set(ids)) {
      const count = await apply([id]);
      if (count === 0) refused.push(id);
      changed += count;
    }
  } else {
    const states: TaskState[] = [];
    if (flags.failed === true) states.push("failed");
    if (flags.parked === true) states.push("parked");
    for (const page of await pagesOf(app, states)) changed += await apply(page);
  }
  console.log(
    `${changed} ${changed === 1 ? "task" : "tasks"} ${command === "retry" ? "will run again" : "discarded"}`,
  );
  if (refused.length > 0) {
    throw new PetioleError(
      "ERR_TASK_NOT_FOUND",
      command === "retry"
        ? `Not retried: ${refused.join(", ")}. No failed, parked, skipped or discarded task that is still kept has such an id.`
        : `Not discarded: ${refused.join(", ")}. No scheduled, waiting, failed or parked task has such an id.`,
    );
  }
  return 0;
}

/** The ids in pages, all read before the first is changed, so that one that fails again meanwhile is not retried twice. */
async function pagesOf(app: App, states: readonly TaskState[]): Promise<string[][]> {
  const pages: string[][] = [];
  let after: string | undefined;
  do {
    const page = await app.engine.list({ states, limit: 500, ...(after === undefined ? {} : { after }) });
    pages.push(page.records.map((record) => record.message.id));
    after = page.next;
  } while (after !== undefined);
  return pages;
}

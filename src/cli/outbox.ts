/** petiole outbox sql: prints what makes the outbox's table. @module */
import { outboxTable } from "../task/outbox.ts";
import type { App } from "./app-module.ts";
import { wrong } from "./arguments.ts";
import { isPetioleError } from "./failure.ts";

/** For a dialect that was typed. */
export async function printOutbox(dialect: string, table?: string): Promise<number> {
  if (dialect !== "sqlite" && dialect !== "postgres" && dialect !== "mysql")
    throw wrong(`--dialect must be sqlite, postgres or mysql, received "${dialect}"`);
  try {
    console.log(outboxTable(dialect, table));
  } catch (error) {
    if (isPetioleError(error)) throw wrong(error.message.replace(/\.$/, ""));
    throw error;
  }
  return 0;
}

/** For each database of an app. */
export async function printOutboxOf(app: App): Promise<number> {
  console.log(app.outboxSql().join("\n\n"));
  return 0;
}

/** The user's module that exports the app. @module */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { PetioleError } from "../errors.ts";
import type { Petiole } from "../task/petiole.ts";

/** The code with which Node ends when nothing is left that could settle the `await` of a module. */
const neverSettled = 13;

/** An app, whatever its types. */
export type App = Pick<Petiole, "engine" | "worker" | "relay" | "outboxSql" | "close">;

/**
 * Imports a module and finds its app: its export `app`, or its default.
 *
 * @throws PetioleError `ERR_APP_MODULE` when there is none, or the module fails
 */
export async function loadApp(path: string): Promise<App> {
  const file = resolve(path);
  if (!existsSync(file)) throw new PetioleError("ERR_APP_MODULE", `There is no app module ${file}.`);
  let exported: Record<string, unknown>;
  // Then nobody comes back from the import, and it is told here.
  const onExit = (code: number): void => {
    const why =
      code === neverSettled
        ? "an `await` outside of its functions waits for what never comes"
        : `by process.exit(), or an error that nothing catches, with code ${code}`;
    console.error(`ERR_APP_MODULE: The app module ${file} ends the process when it is imported: ${why}.`);
    process.exitCode = 1;
  };
  process.once("exit", onExit);
  try {
    exported = (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  } catch (cause) {
    throw new PetioleError(
      "ERR_APP_MODULE",
      `The app module ${file} fails when it is imported; see the cause.`,
      { cause },
    );
  } finally {
    process.off("exit", onExit);
  }
  for (const candidate of [exported["app"], exported["default"]]) if (isApp(candidate)) return candidate;
  const names = Object.keys(exported).join(", ") || "nothing";
  throw new PetioleError(
    "ERR_APP_MODULE",
    `The app module ${file} exports no app: it must export a Petiole as \`app\` or as its default; it exports ${names}.`,
  );
}

// By shape, not by class: the app may come from another copy of this package than the command.
function isApp(value: unknown): value is App {
  if (typeof value !== "object" || value === null) return false;
  const { engine, worker, close } = value as Partial<App>;
  return typeof engine === "object" && typeof worker === "function" && typeof close === "function";
}

/** Measures an ORM in a process of its own, as an app has one. @module */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Effort } from "../measure.ts";
import type { Dialect } from "./case.ts";
import type { Loading } from "./load.ts";

const program = fileURLToPath(new URL("one.ts", import.meta.url));

/**
 * Measures one ORM on one database. Beside six others, whose rows are of other kinds, the code that they share would be
 * compiled for all of them: the fastest ORM would pay for the others.
 */
export async function measureApart(
  name: string,
  dialect: Dialect,
  place: string,
  effort: Effort,
): Promise<Loading> {
  const child = fork(program, [name, dialect, place, JSON.stringify(effort)]);
  let loading: Loading | undefined;
  child.once("message", (told) => (loading = told as Loading));
  const [code] = (await once(child, "exit")) as [number | null];
  if (loading === undefined) throw new Error(`${name} on ${dialect} was not measured: it ended with ${code}`);
  return loading;
}

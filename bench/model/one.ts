/** Measures one ORM on one database, in the process of its own that {@link measureApart} starts. @module */
import type { Effort } from "../measure.ts";
import type { Dialect } from "./case.ts";
import { measureLoading } from "./load.ts";
import { orms } from "./orms.ts";

const [name = "", dialect = "", place = "", effort = ""] = process.argv.slice(2);
const orm = orms[name];
const tell = process.send?.bind(process);
if (orm === undefined || tell === undefined) throw new Error("bench/model/apart.ts starts this");
const loading = await measureLoading(orm, name, dialect as Dialect, place, JSON.parse(effort) as Effort);
tell(loading, () => process.disconnect?.());

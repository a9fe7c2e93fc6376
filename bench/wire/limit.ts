/**
 * The least that a codec without identity can cost, as fast as could be found. Not of use to anyone: it checks little,
 * and a second place of one object becomes a second object.
 *
 * @module
 */
import type { Codec } from "./case.ts";
import type { CaseName } from "./cases.ts";
import { graph } from "./limits/graph.ts";
import { plain } from "./limits/plain.ts";
import { table } from "./limits/table.ts";
import { tags } from "./limits/tags.ts";

export const limits: Readonly<Record<CaseName, Codec>> = { a: plain, b: plain, c: tags, d: table, e: graph };

/**
 * The table of kinds: every kind of value that the platform has, and what becomes of it on the wire.
 *
 * kinds.test.ts tries each in every place that a value can have; docs/wire.md shows the table.
 *
 * @module
 */
import { arrays } from "./kinds/arrays.ts";
import { functions, later, namespaces } from "./kinds/behaviour.ts";
import { bytes } from "./kinds/bytes.ts";
import { collections, graphs } from "./kinds/collections.ts";
import { errors } from "./kinds/errors.ts";
import { instances, python, strangers } from "./kinds/instances.ts";
import type { Group } from "./kinds/kind.ts";
import { lookalikes } from "./kinds/lookalikes.ts";
import { attributes, keys, objects } from "./kinds/objects.ts";
import { boxed, primitives, symbols } from "./kinds/primitives.ts";
import { proxies } from "./kinds/proxies.ts";
import { realms } from "./kinds/realms.ts";
import { details, fields, rows } from "./kinds/rows.ts";
import { temporal } from "./kinds/temporal.ts";
import { addresses, dates, expressions } from "./kinds/texts.ts";
import { files, web } from "./kinds/web.ts";

export type { Group, Kind } from "./kinds/kind.ts";

export const kinds: readonly Group[] = [
  primitives,
  symbols,
  boxed,
  objects,
  keys,
  attributes,
  arrays,
  collections,
  graphs,
  dates,
  expressions,
  addresses,
  temporal,
  bytes,
  errors,
  lookalikes,
  instances,
  rows,
  details,
  fields,
  python,
  realms,
  proxies,
  strangers,
  functions,
  later,
  files,
  web,
  namespaces,
];

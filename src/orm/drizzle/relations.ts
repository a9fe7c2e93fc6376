/**
 * `with`: what rows are related to, by Drizzle's relational queries.
 *
 * @module
 */
import { PetioleError, describe } from "../../errors.ts";
import type { HandleLike } from "./handle.ts";
import { invalid, nameOf, property } from "./table.ts";

/** How far `with` may reach from a row. */
const maxDepth = 4;

/** A query of rows with relations, checked. */
export interface RelationsToLoad {
  load(handle: HandleLike, condition: unknown): PromiseLike<readonly object[]>;
}

/** `true` for a relation alone, or with what is to be loaded with it. */
interface Tree {
  [relation: string]: true | { with: Tree };
}

/** What Drizzle read from the schema that the db was made with. */
interface SchemaLike {
  readonly schema?: Readonly<Record<string, TableConfigLike>>;
  /** From a table's full name to the one it has in the schema. */
  readonly tableNamesMap?: Readonly<Record<string, string>>;
}

interface TableConfigLike {
  readonly relations: Readonly<Record<string, { readonly referencedTable: object }>>;
}

/**
 * Checks the paths of relations against the schema.
 *
 * @throws PetioleError `ERR_MODEL_DEFINITION` for what is no relation, or too far away, `ERR_MODEL_UNSUPPORTED` for a
 * table that is not in the schema
 */
export function relationsToLoad(
  db: object,
  model: { readonly name: string; readonly target: object },
  paths: readonly string[],
): RelationsToLoad {
  const schema = property<SchemaLike>(db, "_") ?? {};
  const table = nameInSchema(schema, model.target);
  if (table === undefined) throw notInSchema(model.name);
  const tree: Tree = {};
  for (const path of paths) addPath(schema, model.name, table, tree, path);
  return {
    load(handle, condition) {
      const query = handle.query?.[table];
      if (query === undefined) throw notInSchema(model.name);
      return query.findMany({ where: condition, with: tree });
    },
  };
}

function addPath(schema: SchemaLike, model: string, table: string, tree: Tree, path: string): void {
  if (typeof path !== "string")
    throw invalid(model, `\`with\` takes names of relations; received ${describe(path)}`);
  const steps = path.split(".");
  if (steps.length > maxDepth) {
    throw invalid(
      model,
      `with: ${JSON.stringify(path)} is ${steps.length} relations deep, and ${maxDepth} is the most. Let the handler load what is further away`,
    );
  }
  let from: string | undefined = table;
  let level = tree;
  for (const [index, step] of steps.entries()) {
    const relations: TableConfigLike["relations"] = (from && schema.schema?.[from]?.relations) || {};
    const relation = Object.hasOwn(relations, step) ? relations[step] : undefined;
    if (relation === undefined) throw unknownRelation(model, path, step, Object.keys(relations));
    const known = Object.hasOwn(level, step) ? level[step] : undefined;
    if (index === steps.length - 1) {
      level[step] = known ?? true;
    } else {
      const next: { with: Tree } = known === undefined || known === true ? { with: {} } : known;
      level[step] = next;
      level = next.with;
      from = nameInSchema(schema, relation.referencedTable);
    }
  }
}

function nameInSchema({ tableNamesMap = {} }: SchemaLike, table: object): string | undefined {
  const { name, schema = "public" } = nameOf(table);
  return tableNamesMap[`${schema}.${name}`];
}

function unknownRelation(model: string, path: string, step: string, known: readonly string[]): PetioleError {
  const there =
    known.length === 0 ? "it has none" : `there are ${known.map((name) => JSON.stringify(name)).join(", ")}`;
  return invalid(
    model,
    `with: ${JSON.stringify(path)}: no relation is named ${JSON.stringify(step)}; ${there}`,
  );
}

function notInSchema(model: string): PetioleError {
  return new PetioleError(
    "ERR_MODEL_UNSUPPORTED",
    `drizzle: ${JSON.stringify(model)}: \`with\` needs its table and its relations in the schema that the db was made ` +
      "with: drizzle(client, { schema }). Otherwise let the handler load what it needs",
  );
}

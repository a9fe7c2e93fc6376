/**
 * `with`: what rows are related to, by Drizzle's relational queries.
 *
 * @module
 */
import { PetioleError } from "../../errors.ts";
import { type RelationStep, relationSteps, relationsThere } from "../../model/relation-path.ts";
import type { HandleLike } from "./handle.ts";
import { invalid, nameOf, property } from "./table.ts";

/** A query of rows with relations, checked. */
export interface RelationsToLoad {
  load(handle: HandleLike, condition: unknown): PromiseLike<readonly object[]>;
}

/** `true` for a relation alone, or with what is to be loaded with it. */
interface Tree {
  readonly [relation: string]: true | { readonly with: Tree };
}

/** What Drizzle read from the schema that the db was made with. */
interface SchemaLike {
  readonly schema?: Readonly<Record<string, TableConfigLike>>;
  /** From a table's full name to the one it has in the schema. */
  readonly tableNamesMap?: Readonly<Record<string, string>>;
}

interface TableConfigLike {
  readonly relations: Readonly<Record<string, RelationLike>>;
}

interface RelationLike {
  readonly referencedTable: object;
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
  const relationsOf = (from: RelationLike | undefined) => {
    const target = from?.referencedTable ?? model.target;
    const config = schema.schema?.[nameInSchema(schema, target) ?? ""];
    return relationsThere(nameOf(target).name, new Map(Object.entries(config?.relations ?? {})));
  };
  const steps = relationSteps(paths, relationsOf, (reason) => invalid(model.name, reason));
  const tree = treeOf(steps);
  return {
    load(handle, condition) {
      const query = handle.query?.[table];
      if (query === undefined) throw notInSchema(model.name);
      return query.findMany({ where: condition, with: tree });
    },
  };
}

function treeOf(steps: readonly RelationStep<RelationLike>[]): Tree {
  return Object.fromEntries(
    steps.map(({ name, below }) => [name, below.length === 0 ? true : { with: treeOf(below) }]),
  );
}

function nameInSchema({ tableNamesMap = {} }: SchemaLike, table: object): string | undefined {
  const { name, schema = "public" } = nameOf(table);
  return tableNamesMap[`${schema}.${name}`];
}

function notInSchema(model: string): PetioleError {
  return new PetioleError(
    "ERR_MODEL_UNSUPPORTED",
    `drizzle: ${JSON.stringify(model)}: \`with\` needs its table and its relations in the schema that the db was made ` +
      "with: drizzle(client, { schema }). Otherwise let the handler load what it needs",
  );
}

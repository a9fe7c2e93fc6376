/**
 * A model as the app stated it, checked, and what is learned about its table.
 *
 * @module
 */
import { type PetioleError, describe } from "../../errors.ts";
import { invalidModel } from "../../model/adapter-errors.ts";
import type { ModelDescription, SqlDialect, TableDescription } from "../../model/adapter.ts";
import { distinctKeys, keysInStatement } from "../../model/key-chunks.ts";
import type { Key, KeyPart } from "../../model/ref.ts";
import { type ColumnTypes, askColumnTypes, tableOf } from "./column.ts";
import { type BoundKey, type KeyColumn, bindKeys } from "./condition.ts";
import type { Database } from "./database.ts";
import type { KyselyStatedModel } from "./types.ts";

/** What `ref` is given for a model: Kysely's own tables are only names. */
export class KyselyTarget<Row extends object = object> {
  /** The row's type, for the compiler alone. */
  declare readonly $inferSelect: Row;
  /** The model's name. */
  readonly name: string;
  /** The table's, as the app's own queries write it. */
  readonly table: string;

  constructor(name: string, table: string) {
    this.name = name;
    this.table = table;
    Object.freeze(this);
  }
}

/** A model, ready to be loaded. */
export class Model {
  readonly description: ModelDescription & { readonly table: TableDescription };
  /** The table, as Kysely is to be asked for it. */
  readonly table: string;
  readonly #db: Database;
  readonly #dialect: SqlDialect;
  #types: ColumnTypes | undefined;

  /** @throws PetioleError `ERR_MODEL_DEFINITION` */
  constructor(db: Database, dialect: SqlDialect, name: string, stated: KyselyStatedModel) {
    const { table, key, columns, version } = checkModel(name, dialect, stated);
    const attributes = new Set([...key, ...(columns ?? [])]);
    if (version !== undefined && version !== "xmin") attributes.add(version);
    this.#db = db;
    this.#dialect = dialect;
    this.table = table;
    this.description = {
      name,
      target: new KyselyTarget(name, table),
      key,
      ...(columns === undefined ? {} : { fields: columns }),
      ...(version === undefined ? {} : { version }),
      table: tableOf(db, name, table, [...attributes]),
    };
  }

  /** The keys as the driver takes them, each once in all that is asked; those that no row can have are left out. */
  async bind(keys: readonly Key[], handle: Database): Promise<readonly BoundKey[]> {
    const { name, key } = this.description;
    // Twice in the list of one statement, it finds its row once.
    const isOneList = key.length === 1 && keys.length <= keysInStatement(1);
    const distinct = isOneList ? keys : distinctKeys(name, keys);
    if (distinct.length === 0) return [];
    const bindAll = (types: ColumnTypes) => bindKeys(this.#dialect, this.#keyColumns(types), distinct);
    const known = this.#types;
    let bound = bindAll(known ?? (await this.#ask(handle)));
    if (!bound.includes(undefined)) return bound;
    // A column may have become wider since it was asked for: a row must not be missing because of that.
    if (known !== undefined) bound = bindAll(await this.#ask(handle));
    return bound.filter((each) => each !== undefined);
  }

  /** The values of the key's attributes as the driver takes them; where the columns cannot hold them, as they are. */
  bindOwn(key: Readonly<Record<string, KeyPart>>, types: ColumnTypes): Readonly<Record<string, unknown>> {
    const columns = this.#keyColumns(types);
    const [bound] = bindKeys(this.#dialect, columns, [key]);
    if (bound === undefined) return key;
    const values = columns.length === 1 ? [bound] : (bound as readonly unknown[]);
    return Object.fromEntries(columns.map(({ attribute }, at) => [attribute, values[at]]));
  }

  /** The types of the columns, asked for once. */
  async types(handle: Database): Promise<ColumnTypes> {
    return this.#types ?? this.#ask(handle);
  }

  /** By attribute, what the database says about its column. */
  typesOf(attributes: readonly string[], types: ColumnTypes): ColumnTypes {
    const { columns } = tableOf(this.#db, this.description.name, this.table, attributes);
    return new Map(
      attributes.flatMap((attribute) => {
        const type = types.get(columns[attribute] ?? attribute);
        return type === undefined ? [] : [[attribute, type]];
      }),
    );
  }

  async #ask(handle: Database): Promise<ColumnTypes> {
    const types = await askColumnTypes(handle, this.#dialect, this.description.table);
    // A table that is not there yet may be later.
    if (types.size > 0) this.#types = types;
    return types;
  }

  #keyColumns(types: ColumnTypes): readonly KeyColumn[] {
    const { key, table } = this.description;
    return key.map((attribute) => ({ attribute, type: types.get(table.columns[attribute] ?? attribute) }));
  }
}

function checkModel(name: string, dialect: SqlDialect, stated: KyselyStatedModel): KyselyStatedModel {
  const given: unknown = stated;
  if (typeof given !== "object" || given === null || typeof Reflect.get(given, "table") !== "string")
    throw invalid(name, `expected { table, key: ["…"] }; received ${describe(given)}`);
  const { key, columns, version } = stated;
  if (!isListOfNames(key) || key.length === 0) {
    throw invalid(
      name,
      'Kysely does not know primary keys. State which columns identify a row: { table, key: ["id"] }; ' +
        `received ${describe(key)} for the key`,
    );
  }
  if (columns !== undefined && !isListOfNames(columns))
    throw invalid(name, `columns must be a list of names; received ${describe(columns)}`);
  const unlisted = key.filter((attribute) => columns?.includes(attribute) === false);
  if (unlisted.length > 0)
    throw invalid(name, `its columns lack ${JSON.stringify(unlisted[0])}, which is of its key`);
  if (version !== undefined && typeof version !== "string")
    throw invalid(name, `version must be the name of a column; received ${describe(version)}`);
  if (version === "xmin" && dialect !== "postgres")
    throw invalid(name, `the version "xmin" is PostgreSQL's, and this database is ${dialect}. Name a column`);
  return stated;
}

function isListOfNames(value: unknown): value is readonly string[] {
  return (
    Array.isArray(value) &&
    value.every((name) => typeof name === "string") &&
    new Set(value).size === value.length
  );
}

function invalid(name: string, reason: string): PetioleError {
  return invalidModel("kysely", name, reason);
}

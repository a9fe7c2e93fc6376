/**
 * `ref`: a reference to a stored row, from the table or class and the row or its key.
 *
 * @module
 */
import { PetioleError, checkNames, describe } from "../errors.ts";
import { Reference, identityOf, type Key, type KeyPart, type ReferenceDetails } from "../wire/reference.ts";
import { checkKey, keyOfRow } from "./key.ts";
import { modelOfTarget, type RegisteredModel } from "./registry.ts";
import { versionOf } from "./version.ts";

// For the rooms that know `model/` and not `wire/`, such as `orm/`.
export { Reference, identityOf, type Key, type KeyPart, type ReferenceDetails };

/**
 * The row type of what the user's code calls a model, read from its shape: `$inferSelect` (a Drizzle table, a target of
 * Prisma's or Kysely's adapter), `~entity` (a schema of MikroORM's) or a class, whose rows are its instances. An ORM with
 * another shape gets another line here.
 */
export type RowOf<Target> = Target extends { readonly $inferSelect: infer Row extends object }
  ? Row
  : Target extends { readonly "~entity": infer Row extends object }
    ? Row
    : Target extends (abstract new (...args: never) => infer Instance extends object)
      ? Instance
      : object;

/** How a row is to be loaded, and what is expected of it when the task runs. */
export interface ReferenceOptions extends Omit<ReferenceDetails, "version" | "digest" | "scope"> {
  /** `all`: the row is loaded also where the model hides it unless told, as soft-deleted ones. */
  readonly scope?: "default" | "all";
  /**
   * The row's fields travel too, so that the handler can ask `job.drift(row)` what has changed since. It needs the row,
   * not its key alone. Default: false.
   */
  readonly drift?: boolean;
}

/** The rows that references were made from: what is expected of a row may be known at the send only. */
const madeFrom = new WeakMap<Reference, object>();

/** The row that a reference was made from, if it was made from one. */
export function rowBehind(reference: Reference): object | undefined {
  return madeFrom.get(reference);
}

/**
 * A reference to a stored row. It travels as the model's name and the row's key, and arrives as the row as it
 * is then.
 *
 * @param target The table object or class, one of the app's `models`.
 * @param rowOrKey A row, or any part of one that has its primary key; or the key itself: a string, a safe
 * integer or a bigint, and for a key of several attributes an object of them.
 * @param options How the row is loaded, and what is expected of it.
 * @throws PetioleError `ERR_MODEL_UNKNOWN` when the target is not a model of an app in this process,
 * `ERR_MODEL_DEFINITION` when it is one under several names (use `app.ref(name, key)`), `ERR_REFERENCE_KEY`
 * when the row has no key yet or the key cannot be one.
 *
 * @example
 * ref(comments, row);
 * ref(comments, 7);
 * ref(memberships, { userId: 3, groupId: 5 });
 * ref(comments, row, { ifChanged: "skip", with: ["author"] });
 */
export function ref<Target extends object>(
  target: Target,
  rowOrKey: KeyPart | Partial<RowOf<Target>>,
  options: ReferenceOptions & { readonly ifMissing: "null" },
): Reference<RowOf<Target> | null>;
export function ref<Target extends object>(
  target: Target,
  rowOrKey: KeyPart | Partial<RowOf<Target>>,
  options?: ReferenceOptions,
): Reference<RowOf<Target>>;
export function ref(target: object, rowOrKey: unknown, options: ReferenceOptions = {}): Reference<never> {
  return referTo(modelOfTarget(target, options.connection), rowOrKey, options) as Reference<never>;
}

const names: Readonly<Record<keyof ReferenceOptions, true>> = {
  connection: true,
  with: true,
  scope: true,
  from: true,
  ifMissing: true,
  ifChanged: true,
  drift: true,
};

/** {@link ref}, where the model is known. */
export function referTo(
  { description, adapter }: RegisteredModel,
  rowOrKey: unknown,
  given: ReferenceOptions = {},
): Reference {
  checkNames(`The options of a reference to ${description.name}`, given, names);
  const { drift = false, scope, ...options } = given;
  const isRow = typeof rowOrKey === "object" && rowOrKey !== null;
  const pk = isRow ? keyOfRow(description, adapter, rowOrKey) : checkKey(description, rowOrKey);
  const isExpected = options.ifChanged !== undefined && options.ifChanged !== "run";
  const { connection } = adapter;
  const details: ReferenceDetails = {
    ...(connection === undefined ? {} : { connection }),
    ...options,
    ...(scope === "all" ? { scope } : {}),
    ...(isRow && isExpected ? versionOf(description, adapter, rowOrKey) : {}),
  };
  const was = drift ? fieldsFor({ description, adapter }, rowOrKey) : undefined;
  const reference = new Reference(description.name, pk, details, was);
  if (isRow) madeFrom.set(reference, rowOrKey);
  return reference;
}

/** The fields that are to travel with a reference. @throws PetioleError when there are none beside the key */
export function fieldsFor({ description, adapter }: RegisteredModel, row: unknown): Record<string, unknown> {
  const { name, key } = description;
  const fields = typeof row === "object" && row !== null ? adapter.fieldsOf(name, row) : {};
  if (Object.keys(fields).some((field) => !key.includes(field))) return fields;
  throw new PetioleError(
    "ERR_REFERENCE_KEY",
    `${name}: drift needs the row itself, whose fields are to travel; received ${describe(row)}`,
  );
}

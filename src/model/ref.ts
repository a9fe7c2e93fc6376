/**
 * `ref`: a reference to a stored row, from the table or class and the row or its key.
 *
 * @module
 */
import { Reference, identityOf, type Key, type KeyPart } from "../wire/reference.ts";
import { checkKey, keyOfRow } from "./key.ts";
import { modelOfTarget } from "./registry.ts";

// For the rooms that know `model/` and not `wire/`, such as `orm/`.
export { Reference, identityOf, type Key, type KeyPart };

/**
 * The row type of what the user's code calls a model, read from its shape: `$inferSelect` (a Drizzle table)
 * or a class, whose rows are its instances. An ORM with another shape gets another line here.
 */
export type RowOf<Target> = Target extends { readonly $inferSelect: infer Row extends object }
  ? Row
  : Target extends (abstract new (...args: never) => infer Instance extends object)
    ? Instance
    : object;

/**
 * A reference to a stored row. It travels as the model's name and the row's key, and arrives as the row as it
 * is then.
 *
 * @param target The table object or class, one of the app's `models`.
 * @param rowOrKey A row, or any part of one that has its primary key; or the key itself: a string, a safe
 * integer or a bigint, and for a key of several attributes an object of them.
 * @throws PetioleError `ERR_MODEL_UNKNOWN` when the target is not a model of an app in this process,
 * `ERR_MODEL_DEFINITION` when it is one under several names (use `app.ref(name, key)`), `ERR_REFERENCE_KEY`
 * when the row has no key yet or the key cannot be one.
 *
 * @example
 * ref(comments, row);
 * ref(comments, 7);
 * ref(memberships, { userId: 3, groupId: 5 });
 */
export function ref<Target extends object>(
  target: Target,
  rowOrKey: KeyPart | Partial<RowOf<Target>>,
): Reference<RowOf<Target>> {
  const { description, adapter } = modelOfTarget(target);
  const isRow = typeof rowOrKey === "object" && rowOrKey !== null;
  const key = isRow ? keyOfRow(description, adapter, rowOrKey) : checkKey(description, rowOrKey);
  return new Reference<RowOf<Target>>(description.name, key);
}

/** What the stand-in for MongoDB does with documents: finds them by a filter, changes them, shows parts of them. */
import { deserialize, serialize } from "bson";

export type Fields = Record<string, unknown>;

/** An answer that says no, as MongoDB says it. */
export class Refusal extends Error {
  readonly answer: Fields;
  constructor(code: number, codeName: string, message: string, labels: readonly string[] = []) {
    super(message);
    this.answer = { ok: 0, code, codeName, errmsg: message, errorLabels: labels };
  }
}

/** Numbers, bytes and the rest stay what they are in BSON, so that they go back as they came. */
export function read(bytes: Uint8Array): Fields {
  return deserialize(bytes, { promoteValues: false, promoteLongs: false, bsonRegExp: true });
}

/** A value as a text that is the same for equal values, whatever the type of their numbers. */
export function textOf(value: unknown): string {
  if (typeof value !== "object" || value === null) return `${typeof value} ${String(value)}`;
  const type: unknown = "_bsontype" in value ? value._bsontype : undefined;
  // oxlint-disable-next-line typescript/no-base-to-string -- BSON's classes have one
  if (type === "Int32" || type === "Double" || type === "Long") return `number ${String(value)}`;
  if (type === "Binary") return `bytes ${Buffer.from((value as { buffer: Buffer }).buffer).toString("hex")}`;
  // oxlint-disable-next-line typescript/no-base-to-string -- BSON's classes have one
  if (type !== undefined) return `${String(type)} ${String(value)}`;
  if (value instanceof Date) return `date ${value.getTime()}`;
  if (Array.isArray(value)) return `[${value.map(textOf).join()}]`;
  return `{${Object.entries(value)
    .map(([name, item]) => `${JSON.stringify(name)}:${textOf(item)}`)
    .join()}}`;
}

export function matching(rows: ReadonlyMap<string, Fields>, filter: Fields): Fields[] {
  const matches = conditionOf(filter);
  return [...rows.values()].filter(matches);
}

function conditionOf(filter: Fields): (row: Fields) => boolean {
  const conditions = Object.entries(filter).map(([name, wanted]): ((row: Fields) => boolean) => {
    const inner = name === "$or" || name === "$and" ? (wanted as Fields[]).map(conditionOf) : [];
    if (name === "$or") return (row) => inner.some((matches) => matches(row));
    if (name === "$and") return (row) => inner.every((matches) => matches(row));
    const operators = operatorsOf(wanted).map(([operator, operand]) => operatorOf(operator, operand));
    return (row) => operators.every((holds) => holds(valueAt(row, name.split("."))));
  });
  return (row) => conditions.every((matches) => matches(row));
}

function operatorsOf(wanted: unknown): [string, unknown][] {
  const isOperators =
    typeof wanted === "object" && wanted !== null && Object.keys(wanted).some((name) => name.startsWith("$"));
  return isOperators ? Object.entries(wanted) : [["$eq", wanted]];
}

function operatorOf(operator: string, operand: unknown): (value: unknown) => boolean {
  const wanted = new Set(
    (operator === "$in" || operator === "$nin" ? (operand as unknown[]) : [operand]).map(textOf),
  );
  const isWanted = (value: unknown): boolean =>
    wanted.has(textOf(value ?? null)) ||
    (Array.isArray(value) && value.some((item) => wanted.has(textOf(item))));
  switch (operator) {
    case "$eq":
    case "$in":
      return isWanted;
    case "$ne":
    case "$nin":
      return (value) => !isWanted(value);
    case "$gt":
      return (value) => Number(value) > Number(operand);
    case "$exists":
      return (value) => (value !== undefined) === operand;
    default:
      throw new Refusal(2, "BadValue", `unknown operator: ${operator}`);
  }
}

function valueAt(row: unknown, [name = "", ...rest]: readonly string[]): unknown {
  const value: unknown = typeof row === "object" && row !== null ? Reflect.get(row, name) : undefined;
  return rest.length === 0 ? value : valueAt(value, rest);
}

export function upserted(filter: Fields, change: Fields): Fields {
  const equal = Object.entries(filter).filter(
    ([name, wanted]) => operatorsOf(wanted)[0]?.[0] === "$eq" && name !== "",
  );
  return updated(Object.fromEntries(equal.filter(([name]) => !name.startsWith("$"))), change, true);
}

export function updated(row: Fields, change: Fields, isNew: boolean): Fields {
  const next = structuredCloneOf(row);
  if (!Object.keys(change).some((name) => name.startsWith("$"))) return { _id: row["_id"], ...change };
  for (const [operator, fields] of Object.entries(change)) {
    if (operator === "$setOnInsert" && !isNew) continue;
    for (const [path, operand] of Object.entries(fields as Fields)) {
      const names = path.split(".");
      const last = names.pop() ?? "";
      let owner = next;
      for (const name of names) owner = (owner[name] ??= {}) as Fields;
      if (operator === "$set" || operator === "$setOnInsert") owner[last] = operand;
      else if (operator === "$unset") delete owner[last];
      else if (operator === "$inc") owner[last] = Number(owner[last] ?? 0) + Number(operand);
      else if (operator === "$push")
        owner[last] = [...((owner[last] ?? []) as unknown[]), ...pushed(operand)];
      else throw new Refusal(9, "FailedToParse", `unknown modifier: ${operator}`);
    }
  }
  return next;
}

function pushed(operand: unknown): readonly unknown[] {
  const each: unknown =
    typeof operand === "object" && operand !== null ? Reflect.get(operand, "$each") : undefined;
  return Array.isArray(each) ? (each as unknown[]) : [operand];
}

function structuredCloneOf(row: Fields): Fields {
  return read(serialize(row));
}

export function projected(row: Fields, projection: Fields | undefined): Fields {
  const entries = Object.entries(projection ?? {});
  if (entries.length === 0) return row;
  const isShown = entries.some(([name, shown]) => name !== "_id" && Number(shown) === 1);
  const named = new Map(entries.map(([name, shown]) => [name, Number(shown)]));
  return Object.fromEntries(
    Object.entries(row).filter(([name]) => (named.get(name) ?? (isShown && name !== "_id" ? 0 : 1)) === 1),
  );
}

/**
 * Nested writes: rows of other models that one write makes, changes or removes besides its own. Prisma shows them to
 * nobody but in what it is asked.
 *
 * @module
 */
import type { SaveOperation } from "../../model/observer.ts";
import type { RuntimeDataModelLike } from "./client.ts";

/** Rows of a model, which are not known. */
export interface NestedWrite {
  readonly model: string;
  readonly operation: SaveOperation;
}

/** What each verb in a relation's place does to the rows there, and where in it there may be further relations. */
const verbs: Readonly<
  Record<string, readonly [operations: readonly SaveOperation[], inner: readonly string[]]>
> = {
  create: [["insert"], [""]],
  createMany: [["insert"], []],
  connectOrCreate: [["insert"], ["create"]],
  upsert: [
    ["insert", "update"],
    ["create", "update"],
  ],
  update: [["update"], ["", "data"]],
  updateMany: [["update"], []],
  delete: [["delete"], []],
  deleteMany: [["delete"], []],
};

/**
 * The nested writes that a write asks for, each kind once.
 *
 * @param type - Prisma's name of the model that is asked
 * @param args - what it is asked
 */
export function nestedWrites(
  data: RuntimeDataModelLike | undefined,
  type: string,
  args: unknown,
): readonly NestedWrite[] {
  const found = new Map<string, NestedWrite>();
  const look = (model: string, given: unknown): void => {
    for (const row of [given].flat()) {
      if (typeof row !== "object" || row === null) continue;
      for (const { kind, name, type: other } of data?.models[model]?.fields ?? []) {
        if (kind === "object") relation(other, Reflect.get(row, name));
      }
    }
  };
  const relation = (model: string, given: unknown): void => {
    if (typeof given !== "object" || given === null) return;
    for (const [verb, asked] of Object.entries(given as Readonly<Record<string, unknown>>)) {
      const [operations, inner] = (Object.hasOwn(verbs, verb) && verbs[verb]) || [[], []];
      // `delete: false` and an empty list ask for nothing.
      if (asked === undefined || asked === false || (Array.isArray(asked) && asked.length === 0)) continue;
      for (const operation of operations) found.set(`${operation} ${model}`, { model, operation });
      for (const part of inner) {
        for (const each of [asked].flat()) {
          if (part === "") look(model, each);
          else if (typeof each === "object" && each !== null) look(model, Reflect.get(each, part));
        }
      }
    }
  };
  const { data: rows, create, update } = (args ?? {}) as Readonly<Record<string, unknown>>;
  for (const each of [rows, create, update]) look(type, each);
  return [...found.values()];
}

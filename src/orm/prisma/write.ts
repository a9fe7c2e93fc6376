/**
 * A write as it passes the extension: what it must ask for besides, and what is told of it afterwards.
 *
 * @module
 */
import type { SaveOperation } from "../../model/observer.ts";
import { type DelegateLike, dataModelOf, delegateNameOf, property } from "./client.ts";
import { nestedWrites } from "./nested.ts";
import type { QueryLike } from "./rows.ts";

/** What was written. */
export interface Written {
  /** Prisma's name of the model. */
  readonly model: string;
  readonly operation: SaveOperation;
  /** The rows, with at least their keys; undefined for a write of many that gives a count. */
  readonly rows: readonly object[] | undefined;
  /** Prisma's id of the transaction that it was made in. */
  readonly txId: string | undefined;
  /** It is of a `$transaction([…])`: that it was made does not say that it is kept. */
  readonly isOfBatch: boolean;
}

/** Is told of writes. */
export interface WriteListener {
  /** The fields that it wants of each row of a model; undefined for a model that it does not know. */
  keyOf(model: string): readonly string[] | undefined;
  /** The client of a transaction that is open. */
  clientOf(txId: string): object | undefined;
  written(write: Written): Promise<void>;
}

/** A write that somebody listens to. */
export interface Write {
  /** What Prisma is asked, with the fields that the listeners want. */
  readonly args: unknown;
  /** Takes from the result what was added, and tells the listeners. */
  tell(result: unknown): Promise<void>;
}

/** Which writes there are; of `upsert`, the row tells. */
const operations: Readonly<Record<string, SaveOperation>> = {
  create: "insert",
  createMany: "insert",
  createManyAndReturn: "insert",
  update: "update",
  updateMany: "update",
  updateManyAndReturn: "update",
  upsert: "update",
  delete: "delete",
  deleteMany: "delete",
};

/** The arguments that choose the fields of the result. */
interface Chosen {
  readonly where?: object;
  readonly select?: Readonly<Record<string, unknown>> | null;
  readonly omit?: Readonly<Record<string, unknown>> | null;
}

/**
 * Prepares a write; undefined when it is none, or nobody wants to know.
 *
 * @param client - asked whether the row of an `upsert` is there, when it is not in a transaction
 */
export async function writeOf(
  { model = "", operation: asked, args, __internalParams: internal }: QueryLike,
  client: object,
  listeners: readonly WriteListener[],
): Promise<Write | undefined> {
  let operation = Object.hasOwn(operations, asked) ? operations[asked] : undefined;
  if (operation === undefined) return undefined;
  const interestedIn = (type: string): readonly WriteListener[] =>
    listeners.filter((listener) => listener.keyOf(type) !== undefined);
  const interested = interestedIn(model);
  const nested = nestedWrites(dataModelOf(client), model, args).filter(
    (each) => interestedIn(each.model).length > 0,
  );
  if (interested.length === 0 && nested.length === 0) return undefined;
  const chosen = (args ?? {}) as Chosen;
  const wanted = new Set(interested.flatMap((listener) => listener.keyOf(model) ?? []));
  const { transaction } = internal ?? {};
  const txId = transaction?.kind === "itx" && typeof transaction.id === "string" ? transaction.id : undefined;

  if (asked === "upsert" && interested.length > 0) {
    const within = txId && interested.map((listener) => listener.clientOf(txId)).find(Boolean);
    const delegate = property<DelegateLike>(within || client, delegateNameOf(model));
    const there = await delegate?.findUnique({ where: chosen.where });
    operation = there ? "update" : "insert";
  }

  const isBulk = asked.endsWith("Many");
  // `db.post.update(…).author()` gives an author.
  const isOther = (internal?.dataPath?.length ?? 0) > 0;
  const added = isBulk || isOther ? [] : [...wanted].filter((field) => isLeftOut(chosen, field));
  return {
    args: added.length === 0 ? args : including(chosen, added),
    async tell(result) {
      if (isBulk && property((result ?? {}) as object, "count") === 0) return;
      const rows = isBulk || isOther ? undefined : ([result].flat() as object[]);
      const told = added.length === 0 ? rows : rows?.map((row) => ({ ...row }));
      for (const row of rows ?? []) for (const field of added) Reflect.deleteProperty(row, field);
      const isOfBatch = transaction?.kind === "batch";
      for (const listener of interested)
        await listener.written({ model, operation, rows: told, txId, isOfBatch });
      for (const each of nested) {
        for (const listener of interestedIn(each.model))
          await listener.written({ ...each, rows: undefined, txId, isOfBatch });
      }
    },
  };
}

function isLeftOut({ select, omit }: Chosen, field: string): boolean {
  return select ? !select[field] : Boolean(omit?.[field]);
}

function including(chosen: Chosen, fields: readonly string[]): object {
  const set = (value: boolean): Record<string, boolean> =>
    Object.fromEntries(fields.map((field) => [field, value]));
  return chosen.select
    ? { ...chosen, select: { ...chosen.select, ...set(true) } }
    : { ...chosen, omit: { ...chosen.omit, ...set(false) } };
}

/**
 * From what Prisma wrote to what the adapter's observers are told.
 *
 * @module
 */
import type { Observers } from "../../model/observer.ts";
import { keyIn } from "../../model/key.ts";
import type { PrismaModelInfo } from "./model.ts";
import type { Transactions } from "./transactions.ts";
import type { WriteListener } from "./write.ts";

/** Tells the observers of each row that is written, by all the names that its model has. */
export function listenerFor(
  models: readonly PrismaModelInfo[],
  observers: Observers,
  transactions: Transactions,
): WriteListener {
  return {
    keyOf: (type) => (observers.size === 0 ? undefined : models.find((model) => model.type === type)?.key),
    clientOf: (txId) => transactions.innermost(txId)?.handle,
    async written({ model: type, operation, rows, txId, isOfBatch }) {
      const transaction = txId === undefined ? undefined : transactions.innermost(txId)?.transaction;
      const tell = async (): Promise<void> => {
        for (const { name: model, key, fields } of models.filter((each) => each.type === type)) {
          for (const row of rows ?? [undefined]) {
            const isWhole = row !== undefined && fields.every((field) => field in row);
            await observers.saved({
              operation,
              model,
              key: row && keyIn(row, key),
              row: isWhole ? row : undefined,
              transaction,
            });
          }
        }
      };
      await (isOfBatch ? transactions.afterBatch(tell) : tell());
    },
  };
}

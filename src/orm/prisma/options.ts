/**
 * What the adapter is given beside its models, checked.
 *
 * @module
 */
import { checkOptions, invalidOption } from "../../model/adapter-errors.ts";
import { isClient, isOfTransaction, providerOf } from "./client.ts";

/** @throws PetioleError `ERR_MODEL_DEFINITION` for what is no client, and for an option of a wrong kind */
export function refuseWrong(
  client: unknown,
  options: { readonly connection?: unknown; readonly replica?: unknown; readonly Decimal?: unknown },
): void {
  if (!isClient(client))
    throw invalidOption("prisma", "expected a Prisma client as the first parameter", client);
  if (isOfTransaction(client)) {
    throw invalidOption(
      "prisma",
      "expected a Prisma client as the first parameter",
      "the client of a transaction",
    );
  }
  checkOptions("prisma", options, ["replica", "Decimal"]);
  const { replica, Decimal } = options;
  const isReplica =
    isClient(replica) && !isOfTransaction(replica) && providerOf(replica) === providerOf(client);
  if (replica !== undefined && !isReplica) {
    throw invalidOption(
      "prisma",
      "`replica` must be a Prisma client for the same kind of database as the first",
      replica,
    );
  }
  if (Decimal !== undefined && typeof Decimal !== "function") {
    throw invalidOption(
      "prisma",
      "`Decimal` must be the class that your client exports, Prisma.Decimal",
      Decimal,
    );
  }
}

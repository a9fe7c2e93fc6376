/**
 * What the adapter is given beside its models, checked.
 *
 * @module
 */
import { PetioleError, describe } from "../../errors.ts";
import type { LoadOptions } from "../../model/adapter.ts";
import { isClient, isOfTransaction, providerOf } from "./client.ts";

/** @throws PetioleError `ERR_MODEL_DEFINITION` for what is no client, and for an option of a wrong kind */
export function checkOptions(
  client: unknown,
  options: { readonly connection?: unknown; readonly replica?: unknown; readonly Decimal?: unknown },
): void {
  if (!isClient(client)) throw refused("expected a Prisma client as the first parameter", client);
  if (isOfTransaction(client)) {
    throw refused("expected a Prisma client as the first parameter", "the client of a transaction");
  }
  const { connection, replica, Decimal } = options;
  if (connection !== undefined && (typeof connection !== "string" || connection === "")) {
    throw refused("`connection` must be a name", connection);
  }
  const isReplica =
    isClient(replica) && !isOfTransaction(replica) && providerOf(replica) === providerOf(client);
  if (replica !== undefined && !isReplica) {
    throw refused("`replica` must be a Prisma client for the same kind of database as the first", replica);
  }
  if (Decimal !== undefined && typeof Decimal !== "function") {
    throw refused("`Decimal` must be the class that your client exports, Prisma.Decimal", Decimal);
  }
}

/** @throws PetioleError `ERR_MODEL_DEFINITION` for an option of a wrong kind */
export function checkLoadOptions({ with: paths, scope, from }: LoadOptions): void {
  if (paths !== undefined && !Array.isArray(paths)) {
    throw refused("`with` must be an array of relations' names", paths);
  }
  if (scope !== undefined && scope !== "default" && scope !== "all") {
    throw refused('`scope` must be "default" or "all"', scope);
  }
  if (from !== undefined && from !== "primary" && from !== "replica") {
    throw refused('`from` must be "primary" or "replica"', from);
  }
}

function refused(reason: string, received: unknown): PetioleError {
  return new PetioleError("ERR_MODEL_DEFINITION", `prisma: ${reason}; received ${describe(received)}`);
}

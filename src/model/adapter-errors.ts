/**
 * What adapters refuse, in the same words whichever the ORM.
 *
 * @module
 */
import { PetioleError, describe } from "../errors.ts";
import { isRecord } from "../wire/tag.ts";
import type { LoadOptions, OrmCapabilities, OrmFeature } from "./adapter.ts";

/** `ERR_MODEL_DEFINITION`, about one of the models. */
export function invalidModel(orm: string, model: string, reason: string): PetioleError {
  return new PetioleError("ERR_MODEL_DEFINITION", `${orm}: ${JSON.stringify(model)}: ${reason}`);
}

/** `ERR_MODEL_DEFINITION`, about something that the adapter was given. */
export function invalidOption(orm: string, reason: string, received: unknown): PetioleError {
  return new PetioleError("ERR_MODEL_DEFINITION", `${orm}: ${reason}; received ${describe(received)}`);
}

/** What the capabilities lack, as it is refused. */
export function lacking(orm: string, { lacks }: OrmCapabilities, feature: OrmFeature): PetioleError {
  const isTransaction = ["transaction", "savepoints", "ownTransaction"].includes(feature);
  const code = isTransaction ? "ERR_TRANSACTION_UNSUPPORTED" : "ERR_MODEL_UNSUPPORTED";
  return new PetioleError(code, `${orm}: ${lacks[feature]}`);
}

/** @throws PetioleError as {@link lacking} says, where the capabilities lack it */
export function refuseLacking(orm: string, capabilities: OrmCapabilities, feature: OrmFeature): void {
  if (capabilities.lacks[feature] !== undefined) throw lacking(orm, capabilities, feature);
}

/**
 * The model with this name.
 *
 * @throws PetioleError `ERR_MODEL_UNKNOWN`, with the names that there are
 */
export function modelNamed<Model>(orm: string, models: ReadonlyMap<string, Model>, name: string): Model {
  const model = models.get(name);
  if (model !== undefined) return model;
  const known = [...models.keys()].map((each) => JSON.stringify(each)).join(", ");
  throw new PetioleError(
    "ERR_MODEL_UNKNOWN",
    `${orm}: no model is named ${JSON.stringify(name)}; ${known === "" ? "there are none" : `there are ${known}`}`,
  );
}

/**
 * Checks the options of an adapter, as far as all have the same.
 *
 * @param others the names of its options beside `connection`
 * @throws PetioleError `ERR_MODEL_DEFINITION` for options that are no object, another name among them, and a connection's
 *   name that is none
 */
export function checkOptions(
  orm: string,
  options: { readonly connection?: unknown },
  others: readonly string[] = [],
): void {
  if (!isRecord(options)) throw invalidOption(orm, "its options must be an object", options);
  const names = ["connection", ...others];
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown !== undefined) throw invalidOption(orm, `its options are ${names.join(", ")}`, unknown);
  const { connection } = options;
  if (connection === undefined || (typeof connection === "string" && connection !== "")) return;
  throw invalidOption(orm, "`connection` must be a name", connection);
}

/** @throws PetioleError `ERR_MODEL_DEFINITION` for an option of a wrong kind; what `with` names is not looked at */
export function checkLoadOptions(orm: string, { with: paths, scope, from }: LoadOptions): void {
  if (paths !== undefined && !(Array.isArray(paths) && paths.every((path) => typeof path === "string"))) {
    const received: unknown = Array.isArray(paths) ? paths.find((path) => typeof path !== "string") : paths;
    const among = Array.isArray(paths) ? " in it" : "";
    throw new PetioleError(
      "ERR_MODEL_DEFINITION",
      `${orm}: \`with\` must be a list of relations' names, ["author", "author.company"]; ` +
        `received ${describe(received)}${among}`,
    );
  }
  if (scope !== undefined && scope !== "default" && scope !== "all") {
    throw invalidOption(orm, '`scope` must be "default" or "all"', scope);
  }
  if (from !== undefined && from !== "primary" && from !== "replica") {
    throw invalidOption(orm, '`from` must be "primary" or "replica"', from);
  }
}

/**
 * `with`: paths of relations as Sequelize's `include`.
 *
 * @module
 */
import { type RelationStep, relationSteps, relationsThere } from "../../model/relation-path.ts";
import type { Association, Connection, Model } from "./like.ts";
import { type SequelizeModel, invalid } from "./model.ts";

/** One relation to be loaded, with those of its rows. */
interface Include {
  readonly model: Model;
  readonly as: string;
  /** Otherwise a condition in the related model's default scope would leave out the row itself. */
  readonly required: false;
  readonly paranoid: boolean;
  /** A query of its own for relations to many, instead of each row times each other. */
  readonly separate: boolean;
  readonly include: readonly Include[];
}

/** PostgreSQL cuts the names that Sequelize makes up for joined columns, silently, and they are not found again. */
const maxIdentifierBytes = 63;

/**
 * Sequelize's `include` for paths of relations.
 *
 * @param everything - with rows that the related models hide unless told
 * @throws PetioleError `ERR_MODEL_DEFINITION` for what is no relation, or too deep.
 */
export function includesFor(
  sequelize: Connection,
  { name, target }: SequelizeModel,
  paths: readonly string[],
  everything: boolean,
): readonly object[] {
  const relationsOf = (from: Association | undefined) => {
    const model = from?.target ?? target;
    return relationsThere(model.name, new Map(Object.entries(model.associations)));
  };
  const steps = relationSteps(paths, relationsOf, (reason) => invalid(name, reason));
  const cutsNames = sequelize.getDialect() === "postgres" && sequelize.options.minifyAliases !== true;
  if (cutsNames) refuseLongNames(name, steps, "", "");
  return includes(steps, everything);
}

function includes(steps: readonly RelationStep<Association>[], everything: boolean): readonly Include[] {
  return steps.map(({ name, relation: { target, associationType }, below }) => ({
    model: everything ? target.unscoped() : target,
    as: name,
    required: false,
    paranoid: !everything,
    separate: associationType === "HasMany",
    include: includes(below, everything),
  }));
}

/**
 * @param path - of what the steps are below, with a dot behind it
 * @param joined - what of it is joined: a query of its own begins its names anew
 */
function refuseLongNames(
  model: string,
  steps: readonly RelationStep<Association>[],
  path: string,
  joined: string,
): void {
  for (const { name, relation, below } of steps) {
    const own = relation.associationType === "HasMany" ? "" : `${joined}${name}.`;
    if (own !== "") refuseLongName(model, path + name, own, relation.target);
    refuseLongNames(model, below, `${path}${name}.`, own);
  }
}

function refuseLongName(name: string, path: string, joined: string, model: Model): void {
  const longest = Object.keys(model.tableAttributes)
    .map((attribute) => joined + attribute)
    .find((alias) => Buffer.byteLength(alias) > maxIdentifierBytes);
  if (longest === undefined) return;
  throw invalid(
    name,
    `\`with\` names ${JSON.stringify(path)}, for which Sequelize would call a ` +
      `column ${longest}: PostgreSQL cuts names of more than ${maxIdentifierBytes} bytes. ` +
      "Make the connection with new Sequelize(…, { minifyAliases: true })",
  );
}

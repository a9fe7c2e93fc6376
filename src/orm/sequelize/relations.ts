/**
 * `with`: paths of relations as Sequelize's `include`.
 *
 * @module
 */
import { PetioleError, describe } from "../../errors.ts";
import type { Connection, Model } from "./like.ts";
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
  readonly include: Include[];
}

const maxDepth = 4;
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
  paths: unknown,
  everything: boolean,
): readonly object[] {
  if (!Array.isArray(paths) || !paths.every((path) => typeof path === "string")) {
    throw invalid(
      name,
      `\`with\` must be a list of relations, ["author", "author.company"]; received ${describe(paths)}`,
    );
  }
  const cutsNames = sequelize.getDialect() === "postgres" && sequelize.options.minifyAliases !== true;
  const roots: Include[] = [];
  for (const path of paths as string[]) {
    const aliases = path.split(".");
    if (aliases.length > maxDepth) {
      throw invalid(
        name,
        `\`with\` names ${JSON.stringify(path)}, which is more than ${maxDepth} relations deep`,
      );
    }
    let model = target;
    let siblings = roots;
    let joined = "";
    for (const as of aliases) {
      const found =
        siblings.find((include) => include.as === as) ?? includeOf(name, model, as, path, everything);
      if (!siblings.includes(found)) siblings.push(found);
      joined = found.separate ? "" : `${joined}${as}.`;
      if (cutsNames) refuseLongNames(name, path, joined, found.model);
      model = found.model;
      siblings = found.include;
    }
  }
  return roots;
}

function includeOf(name: string, model: Model, as: string, path: string, everything: boolean): Include {
  const association = Object.hasOwn(model.associations, as) ? model.associations[as] : undefined;
  if (association === undefined) {
    const known = Object.keys(model.associations).map((alias) => JSON.stringify(alias));
    throw invalid(
      name,
      `\`with\` names ${JSON.stringify(path)}, and ${model.name} has no association ${JSON.stringify(as)}; ` +
        (known.length > 0 ? `it has ${known.join(", ")}` : "it has none"),
    );
  }
  const { target, associationType } = association;
  return {
    model: everything ? target.unscoped() : target,
    as,
    required: false,
    paranoid: !everything,
    separate: associationType === "HasMany",
    include: [],
  };
}

function refuseLongNames(name: string, path: string, joined: string, model: Model): void {
  if (joined === "") return;
  const longest = Object.keys(model.tableAttributes)
    .map((attribute) => joined + attribute)
    .find((alias) => Buffer.byteLength(alias) > maxIdentifierBytes);
  if (longest === undefined) return;
  throw new PetioleError(
    "ERR_MODEL_DEFINITION",
    `sequelize: ${JSON.stringify(name)}: \`with\` names ${JSON.stringify(path)}, for which Sequelize would call a ` +
      `column ${longest}: PostgreSQL cuts names of more than ${maxIdentifierBytes} bytes. ` +
      "Make the connection with new Sequelize(…, { minifyAliases: true })",
  );
}

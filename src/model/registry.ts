/**
 * The models of this process: which table object or class the app gave which name.
 *
 * Adapters register their models when they are made, so that `ref(comments, row)` needs no app at hand.
 *
 * @module
 */
import { PetioleError, describe } from "../errors.ts";
import type { ModelDescription, OrmAdapter } from "./adapter.ts";

/** What reads a row of a model. */
export type RowReader = Pick<OrmAdapter, "keyOf" | "fieldsOf">;

/** A model, and the adapter that reads its rows. */
export interface RegisteredModel {
  readonly description: ModelDescription;
  readonly adapter: RowReader;
}

const registered = new WeakMap<object, Map<string, RegisteredModel>>();

/**
 * Makes `ref(description.target, …)` resolve to `description.name`. An adapter calls it for each of its models
 * when it is made.
 *
 * The same target under the same name again (another app in a test, a reload) takes the place of the former.
 * Under two names it stays usable by name, through `app.ref`, and `ref(target, …)` refuses it.
 */
export function registerModel(description: ModelDescription, adapter: RowReader): void {
  const names = registered.get(description.target) ?? new Map<string, RegisteredModel>();
  names.set(description.name, { description, adapter });
  registered.set(description.target, names);
}

/**
 * The model that a table object or class was registered as.
 *
 * @throws PetioleError `ERR_MODEL_UNKNOWN` when it was not, `ERR_MODEL_DEFINITION` when under several names.
 */
export function modelOfTarget(target: unknown): RegisteredModel {
  const isObject = (typeof target === "object" && target !== null) || typeof target === "function";
  const names = isObject ? registered.get(target) : undefined;
  const [model, ...others] = names?.values() ?? [];
  if (model === undefined) {
    throw new PetioleError(
      "ERR_MODEL_UNKNOWN",
      typeof target === "string"
        ? `ref() takes a table object or a class; received ${describe(target)}. ` +
            `With a name, write app.ref(${JSON.stringify(target)}, key)`
        : `ref(${labelOf(target)}, …): this is not a model of any app in this process. Add it to \`models\`, ` +
            "and make sure that the module with the app has been imported",
    );
  }
  if (others.length > 0) {
    const known = [...(names?.keys() ?? [])].map((name) => JSON.stringify(name));
    throw new PetioleError(
      "ERR_MODEL_DEFINITION",
      `ref(${labelOf(target)}, …) is ambiguous: it is registered as ${known.join(" and ")}. ` +
        `Say which one with app.ref(${known[0]}, key)`,
    );
  }
  return model;
}

/**
 * The model with this name, and the adapter that has it.
 *
 * @throws PetioleError `ERR_MODEL_UNKNOWN`, with the names that there are.
 */
export function findModel(
  adapters: readonly OrmAdapter[],
  name: string,
): { readonly description: ModelDescription; readonly adapter: OrmAdapter } {
  for (const adapter of adapters) {
    const description = adapter.models.find((model) => model.name === name);
    if (description !== undefined) return { description, adapter };
  }
  const known = adapters.flatMap((adapter) => adapter.models.map((model) => JSON.stringify(model.name)));
  throw new PetioleError(
    "ERR_MODEL_UNKNOWN",
    `No model is named ${JSON.stringify(name)}. ` +
      (known.length > 0
        ? `The app's models are ${known.join(", ")}`
        : "The app has no models: add them to `models`"),
  );
}

function labelOf(target: unknown): string {
  return typeof target === "function" && target.name !== "" ? target.name : describe(target);
}

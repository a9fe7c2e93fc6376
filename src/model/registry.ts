/**
 * The models of this process: which table object or class the app gave which name.
 *
 * Adapters register their models when they are made, so that `ref(comments, row)` needs no app at hand.
 *
 * @module
 */
import { PetioleError, describe } from "../errors.ts";
import type { ModelDescription, OrmAdapter } from "./adapter.ts";

/** A model, and the adapter that has it. */
export interface RegisteredModel {
  readonly description: ModelDescription;
  readonly adapter: OrmAdapter;
}

/** By the adapter's connection, and then by name. */
const registered = new WeakMap<object, Map<string | undefined, Map<string, RegisteredModel>>>();

/**
 * Makes `ref(description.target, …)` resolve to `description.name`. An adapter calls it for each of its models
 * when it is made.
 *
 * The same target under the same name and connection again (another app in a test, a reload) takes the place of the
 * former. Under two names it stays usable by name, through `app.ref`, and `ref(target, …)` refuses it.
 */
export function registerModel(description: ModelDescription, adapter: OrmAdapter): void {
  const { target, name } = description;
  const connections = registered.get(target) ?? new Map<string | undefined, Map<string, RegisteredModel>>();
  registered.set(target, connections);
  const names = connections.get(adapter.connection) ?? new Map<string, RegisteredModel>();
  connections.set(adapter.connection, names);
  names.set(name, { description, adapter });
}

/**
 * The model that a table object or class was registered as, on a connection or on the one that has no name. Where
 * there is but one connection, its name may be left out.
 *
 * @throws PetioleError `ERR_MODEL_UNKNOWN` when it was not, `ERR_MODEL_DEFINITION` when under several names.
 */
export function modelOfTarget(target: unknown, connection?: string): RegisteredModel {
  const isObject = (typeof target === "object" && target !== null) || typeof target === "function";
  const connections = isObject ? registered.get(target) : undefined;
  const isTheOnly = connection === undefined && connections?.size === 1;
  const names = isTheOnly ? [...connections.values()][0] : connections?.get(connection);
  const [model, ...others] = names?.values() ?? [];
  if (model === undefined && connections) {
    const known = [...connections.keys()].map((name) => name ?? "(one without a name)");
    throw new PetioleError(
      "ERR_MODEL_UNKNOWN",
      `ref(${labelOf(target)}, …): this is a model of the connections ${known.join(", ")}; ` +
        `received ${connection === undefined ? "none" : describe(connection)}. ` +
        `Say which among the options: { connection: ${JSON.stringify(known[0])} }`,
    );
  }
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
 * The model with this name, on a connection or on the one that has no name, and the adapter that has it.
 *
 * @throws PetioleError `ERR_MODEL_UNKNOWN`, with the names that there are.
 */
export function findModel(
  adapters: readonly OrmAdapter[],
  name: string,
  connection?: string,
): RegisteredModel {
  const found = adapters.flatMap((adapter) => {
    const description = adapter.models.find((model) => model.name === name);
    return description === undefined ? [] : [{ description, adapter }];
  });
  const named = found.find(({ adapter }) => adapter.connection === connection);
  if (named) return named;
  if (connection === undefined && found.length === 1) return found[0]!;
  if (found.length > 0) {
    const connections = found.map(({ adapter }) => adapter.connection ?? "(one without a name)");
    throw new PetioleError(
      "ERR_MODEL_UNKNOWN",
      `${name} is a model of the connections ${connections.join(", ")}; ` +
        `received ${connection === undefined ? "no connection" : describe(connection)}`,
    );
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

/**
 * The model of a table object or class, among those of some adapters.
 *
 * @param isMeant - where several connections have it: whether an adapter's is the one; unless told, the first is
 * @throws PetioleError `ERR_MODEL_UNKNOWN`
 */
export function modelIn(
  adapters: readonly OrmAdapter[],
  target: object,
  isMeant: (adapter: OrmAdapter) => boolean = () => true,
): RegisteredModel {
  const found = adapters.flatMap((adapter) => {
    const description = adapter.models.find((model) => model.target === target);
    return description ? [{ adapter, description }] : [];
  });
  const model = found.length === 1 ? found[0] : found.find(({ adapter }) => isMeant(adapter));
  if (model) return model;
  throw new PetioleError(
    "ERR_MODEL_UNKNOWN",
    found.length === 0
      ? `${describe(target)} is none of this app's models; add it to \`models\`.`
      : `${found[0]!.description.name} is a model of several connections: say which, by a transaction of it.`,
  );
}

function labelOf(target: unknown): string {
  return typeof target === "function" && target.name !== "" ? target.name : describe(target);
}

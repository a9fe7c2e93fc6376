/** Which rows are to be loaded, of which models, and how: references, put together to few requests. @module */
import type { Key, Reference } from "../wire/reference.ts";
import type { LoadOptions, ModelDescription, OrmAdapter } from "./adapter.ts";
import { checkKey } from "./key.ts";
import { findModel, type RegisteredModel } from "./registry.ts";
import { markOf, type Mark } from "./row-matching.ts";

/** What is asked of one adapter about one model. */
export interface Request extends RegisteredModel {
  /** By their marks, so that each row is asked for once. */
  readonly keys: Map<Mark, Key>;
  readonly references: Reference[];
  readonly relations: Set<string>;
  readonly options: LoadOptions;
  /** What came of it, by the marks of the keys. */
  rows: Map<Mark, object>;
}

/** What is asked, by model, and by what references say about how their rows are loaded. */
export class Requests {
  readonly all: Request[] = [];
  /** What several requests for one model give is one object, which has them all. */
  readonly #relations = new Map<ModelDescription, Set<string>>();
  readonly #byModel = new Map<string, Map<string, Request>>();

  constructor(
    adapters: readonly OrmAdapter[],
    references: readonly Reference[],
    transactionOf: (adapter: OrmAdapter) => object | undefined,
  ) {
    for (const reference of references) {
      const request = this.#find(reference) ?? this.#add(reference, adapters, transactionOf);
      const { description, keys, relations } = request;
      const key = checkKey(description, reference.pk);
      request.references.push(reference);
      keys.set(markOf(description, key), key);
      for (const relation of reference.details?.with ?? []) relations.add(relation);
    }
  }

  rowOf(reference: Reference): object | undefined {
    const request = this.#find(reference);
    return request?.rows.get(markOf(request.description, reference.pk));
  }

  modelsByRow(): Map<object, string> {
    return new Map(
      this.all.flatMap(({ rows, description }) => [...rows.values()].map((row) => [row, description.name])),
    );
  }

  #find({ model, details }: Reference): Request | undefined {
    return this.#byModel.get(model)?.get(wayOf(details));
  }

  #add(
    { model, details = {} }: Reference,
    adapters: readonly OrmAdapter[],
    transactionOf: (adapter: OrmAdapter) => object | undefined,
  ): Request {
    const found = findModel(adapters, model, details.connection);
    const { scope, from } = details;
    const transaction = transactionOf(found.adapter);
    const options: LoadOptions = {
      ...(scope ? { scope } : {}),
      ...(from ? { from } : {}),
      ...(transaction ? { transaction } : {}),
    };
    const others = this.#byModel.get(model) ?? new Map<string, Request>();
    const relations = this.#relations.get(found.description) ?? new Set();
    this.#relations.set(found.description, relations);
    const asked = { keys: new Map(), references: [], relations, options };
    const request: Request = { ...found, ...asked, rows: new Map() };
    this.#byModel.set(model, others.set(wayOf(details), request));
    this.all.push(request);
    return request;
  }
}

/** In which way rows are loaded, as text. */
function wayOf(details: Reference["details"]): string {
  if (details === undefined) return usualWay;
  return JSON.stringify([details.connection ?? null, details.scope ?? "default", details.from ?? "primary"]);
}

const usualWay = wayOf({});

/** What two requests give is one object: of a row and its replica, the row. */
export function shareRows(requests: readonly Request[]): void {
  if (new Set(requests.map(({ description }) => description)).size === requests.length) return;
  const isOfReplica = ({ options }: Request): number => Number(options.from === "replica");
  const shared = new Map<ModelDescription, Map<Mark, object>>();
  for (const { description, rows } of [...requests].sort(
    (one, other) => isOfReplica(one) - isOfReplica(other),
  )) {
    const known = shared.get(description) ?? new Map<Mark, object>();
    shared.set(description, known);
    for (const [mark, row] of rows) {
      const first = known.get(mark);
      if (first) rows.set(mark, first);
      else known.set(mark, row);
    }
  }
}

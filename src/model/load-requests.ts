/** Which rows are to be loaded, of which models, and how: references, put together to few requests. @module */
import type { Reference, ReferenceDetails } from "../wire/reference.ts";
import type { LoadOptions, ModelDescription, OrmAdapter } from "./adapter.ts";
import { findModel, type RegisteredModel } from "./registry.ts";
import { AskedRows, type Mark } from "./row-matching.ts";

type DetailedReference = Reference & { readonly details: ReferenceDetails };

/** What is asked of one adapter about one model. */
export interface Request extends RegisteredModel {
  readonly rows: AskedRows;
  /** The references that say more than whose row they are. */
  readonly detailed: DetailedReference[];
  readonly relations: Set<string>;
  readonly options: LoadOptions;
}

/** What is asked, by model, and by what references say about how their rows are loaded. */
export class Requests {
  readonly all: Request[] = [];
  /** What several requests for one model give is one object, which has them all. */
  readonly #relations = new Map<ModelDescription, Set<string>>();
  readonly #byModel = new Map<string, Map<string, Request>>();
  /** Of the last reference that says nothing more: those to one model mostly come in a row. */
  #last: { readonly model: string; readonly request: Request } | undefined;

  constructor(
    adapters: readonly OrmAdapter[],
    references: readonly Reference[],
    transactionOf: (adapter: OrmAdapter) => object | undefined,
  ) {
    for (const reference of references) {
      const request = this.#find(reference) ?? this.#add(reference, adapters, transactionOf);
      request.rows.ask(reference.pk);
      if (!isDetailed(reference)) continue;
      request.detailed.push(reference);
      for (const relation of reference.details.with ?? []) request.relations.add(relation);
    }
  }

  rowOf(reference: Reference): object | undefined {
    return this.#find(reference)?.rows.rowOf(reference.pk);
  }

  modelsByRow(): Map<object, string> {
    return new Map(
      this.all.flatMap(({ rows, description }) =>
        [...rows.found()].map(([, row]) => [row, description.name] as const),
      ),
    );
  }

  #find({ model, details }: Reference): Request | undefined {
    if (details !== undefined) return this.#byModel.get(model)?.get(wayOf(details));
    if (this.#last?.model === model) return this.#last.request;
    const request = this.#byModel.get(model)?.get(usualWay);
    if (request) this.#last = { model, request };
    return request;
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
    const request: Request = {
      ...found,
      rows: new AskedRows(found.description),
      detailed: [],
      relations,
      options,
    };
    this.#byModel.set(model, others.set(wayOf(details), request));
    this.all.push(request);
    return request;
  }
}

/** In which way rows are loaded, as text. */
function wayOf(details: ReferenceDetails): string {
  return JSON.stringify([details.connection ?? null, details.scope ?? "default", details.from ?? "primary"]);
}

const usualWay = wayOf({});

function isDetailed(reference: Reference): reference is DetailedReference {
  return reference.details !== undefined;
}

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
    for (const [mark, row] of rows.found()) {
      const first = known.get(mark);
      if (first) rows.replace(mark, first);
      else known.set(mark, row);
    }
  }
}

/**
 * What references are to say when they are sent: the versions and fields that a task's expectations need, and that the
 * references do not have themselves.
 *
 * @module
 */
import { PetioleError } from "../errors.ts";
import type { OrmAdapter } from "../model/adapter.ts";
import { loadReferences } from "../model/loader.ts";
import { fieldsFor, rowBehind } from "../model/ref.ts";
import { findModel, type RegisteredModel } from "../model/registry.ts";
import { versionOf, xmin } from "../model/version.ts";
import { readXmin } from "../model/xmin.ts";
import { Reference, identityOf, type Key, type ReferenceDetails } from "../wire/reference.ts";
import type { TaskSettings } from "./options.ts";
import { missingError } from "./task-rows.ts";

/** Stands for a version until the database has told it. */
const unknownVersion = { version: "" };

/** The references of one send. */
export class SentReferences {
  readonly #adapters: readonly OrmAdapter[];
  readonly #settings: Pick<TaskSettings, "ifChanged" | "drift">;
  readonly #handleFor: (adapter: OrmAdapter) => object | undefined;
  /** Those whose versions the database must tell, by identity. */
  readonly #asked = new Map<string, Reference>();
  /** Of these, those whose keys are as they are stored: a row was given. */
  readonly #given = new Set<string>();
  #told = new Map<string, Pick<ReferenceDetails, "version" | "digest">>();

  /** @param handleFor - the handle of the transaction that the send is part of */
  constructor(
    adapters: readonly OrmAdapter[],
    settings: Pick<TaskSettings, "ifChanged" | "drift">,
    handleFor: (adapter: OrmAdapter) => object | undefined,
  ) {
    this.#adapters = adapters;
    this.#settings = settings;
    this.#handleFor = handleFor;
  }

  /** For the wire: what is sent in place of a reference. */
  readonly refer = (reference: Reference, given: object | undefined): Reference => {
    const { details = {} } = reference;
    const row = given ?? rowBehind(reference);
    const isCompared = (details.ifChanged ?? this.#settings.ifChanged) !== "run";
    const needsVersion = isCompared && details.version === undefined && details.digest === undefined;
    const needsFields = this.#settings.drift && reference.was === undefined && row !== undefined;
    if (!needsVersion && !needsFields) return reference;
    const model = findModel(this.#adapters, reference.model, details.connection);
    const version = needsVersion ? this.#versionOf(reference, model, row) : {};
    const was = needsFields ? fieldsFor(model, row) : reference.was;
    return new Reference(reference.model, reference.pk, { ...details, ...version }, was);
  };

  /** Whether something is still to be asked. */
  get isIncomplete(): boolean {
    return this.#asked.size > this.#told.size;
  }

  /**
   * Asks the databases for what is not known, in the transaction that the send is part of.
   *
   * @throws PetioleError `ERR_ROW_MISSING` for a row that is not there, and as `loadReferences`
   */
  async complete(): Promise<void> {
    const plain: Reference[] = [];
    const byModel = new Map<
      RegisteredModel["description"],
      { adapter: OrmAdapter; references: Reference[] }
    >();
    for (const { model, pk, details = {} } of this.#asked.values()) {
      const { connection, scope } = details;
      const reference = new Reference(model, pk, {
        ...(connection === undefined ? {} : { connection }),
        ...(scope === undefined ? {} : { scope }),
      });
      const { description, adapter } = findModel(this.#adapters, model, connection);
      if (description.version !== xmin) {
        plain.push(reference);
        continue;
      }
      const others = byModel.get(description) ?? { adapter, references: [] };
      byModel.set(description, others);
      others.references.push(reference);
    }
    await Promise.all([
      this.#load(plain),
      ...[...byModel].map(([description, { adapter, references }]) =>
        this.#readXmin(description, adapter, references),
      ),
    ]);
  }

  async #load(references: readonly Reference[]): Promise<void> {
    const rows = await loadReferences(this.#adapters, references, this.#handleFor);
    for (const reference of references) {
      const row = rows.rowOf(reference);
      if (!row) throw missingError(reference);
      const { description, adapter } = findModel(
        this.#adapters,
        reference.model,
        reference.details?.connection,
      );
      const version = versionOf(description, adapter, row);
      if (!version) {
        throw new PetioleError(
          "ERR_MODEL_DEFINITION",
          `${description.name}: ifChanged needs its version, and a loaded row has no ${description.version}`,
        );
      }
      this.#told.set(reference.identity, version);
    }
  }

  async #readXmin(
    description: RegisteredModel["description"],
    adapter: OrmAdapter,
    references: readonly Reference[],
  ): Promise<void> {
    const { name } = description;
    const transaction = this.#handleFor(adapter);
    const tell = async (keys: ReadonlyMap<Reference, Key>): Promise<void> => {
      const versions = await readXmin(adapter, description, [...keys.values()], { transaction });
      for (const [reference, key] of keys) {
        const version = versions.get(identityOf(name, key));
        if (version !== undefined) this.#told.set(reference.identity, { version });
      }
    };
    const given = references.filter(({ identity }) => this.#given.has(identity));
    await tell(new Map(given.map((reference) => [reference, reference.pk])));
    // A key alone may be written otherwise than it is stored, or be none that the column can hold, which would be an error.
    const others = references.filter(({ identity }) => !this.#told.has(identity));
    if (others.length === 0) return;
    const rows = await loadReferences(this.#adapters, others, this.#handleFor);
    const keys = others.map((reference) => {
      const row = rows.rowOf(reference);
      const key = row && adapter.keyOf(name, row);
      if (key === undefined) throw missingError(reference);
      return [reference, key] as const;
    });
    await tell(new Map(keys));
    const missing = others.find(({ identity }) => !this.#told.has(identity));
    if (missing) throw missingError(missing);
  }

  #versionOf(
    reference: Reference,
    { description, adapter }: RegisteredModel,
    row: object | undefined,
  ): Pick<ReferenceDetails, "version" | "digest"> {
    // The row's own before the one that another reference, made from its key, had to ask for: it may be older.
    const known = (row && versionOf(description, adapter, row)) ?? this.#told.get(reference.identity);
    if (known) return known;
    this.#asked.set(reference.identity, reference);
    const { name, key } = description;
    const isMore = row && Object.keys(adapter.fieldsOf(name, row)).some((field) => !key.includes(field));
    if (isMore) this.#given.add(reference.identity);
    return unknownVersion;
  }
}

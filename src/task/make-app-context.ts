/** From an app's options to what its parts share. @module */
import type { Engine } from "../engine.ts";
import { PetioleError, checkNames, describe } from "../errors.ts";
import type { OrmAdapter } from "../model/adapter.ts";
import type { DialectName } from "../wire/dialect.ts";
import { checkLists, type Limits } from "../wire/limits.ts";
import { storedRows } from "../wire/stored-rows.ts";
import { isRecord } from "../wire/tag.ts";
import type { ValueEntry } from "../wire/value-type.ts";
import { createTaskWire } from "../wire/wire.ts";
import type { AppContext } from "./app-context.ts";
import { Buffered } from "./buffered.ts";
import { checkDefaults, type NamesOf } from "./option-names.ts";
import { optionError, type GeneralTaskOptions } from "./options.ts";
import { Outbox } from "./outbox.ts";
import { Relay, type RelayContext } from "./relay.ts";
import { SameDatabase } from "./same-database.ts";
import type { SaveListeners } from "./saved.ts";
import type { Strength } from "./strength.ts";
import { ThroughOutbox } from "./through-outbox.ts";
import { Transactions } from "./transaction.ts";

/** See {@link PetioleOptions.transactions}. */
export type TransactionStrength = "buffered" | "outbox" | "same-database" | { readonly outbox: string };

/** What an app is made of. */
export interface PetioleOptions<Values extends readonly ValueEntry[], Models extends readonly OrmAdapter[]> {
  /** Where tasks wait: `sqlite("tasks.db")`, `memory()`, … */
  readonly engine: Engine;
  /** The value classes that may travel: what `Value(…)` and `value(…)` returned. */
  readonly values?: Values;
  /** The databases whose rows may be referred to: `drizzle(db, { "qa.Comment": comments })`, … */
  readonly models?: Models;
  /** Bounds on one payload or result, replacing the defaults one by one. */
  readonly limits?: Partial<Limits>;
  /**
   * What those who read its payloads understand, as `createWire` has it. Unless told, what its engine says: `"portable"`
   * for one whose tasks others run too, `"exact"` for the rest.
   */
  readonly dialect?: DialectName;
  /** In the `portable` dialect, the types beside its own that the reader was taught: `["shop.Money"]`. */
  readonly understands?: readonly string[];
  /** What holds for tasks that do not say otherwise. */
  readonly defaults?: GeneralTaskOptions;
  /**
   * Where what is enqueued in a transaction waits for its commit.
   *
   * - `"buffered"`, unless told: in memory. Lost if the process dies between the commit and the send.
   * - `"outbox"`: in the table `petiole_outbox` of the transaction's own database, or in the one that is named. Never
   *   lost; any worker of the app sends it, or `petiole relay`. `petiole outbox sql` prints the table's SQL.
   * - `"same-database"`: in the engine's own table, as a row of that very transaction. Never lost, and nothing is left to
   *   send after the commit. Only where the engine keeps its tasks in the transaction's own database.
   */
  readonly transactions?: TransactionStrength;
}

const appNames: NamesOf<PetioleOptions<readonly ValueEntry[], readonly OrmAdapter[]>> = {
  engine: true,
  values: true,
  models: true,
  limits: true,
  dialect: true,
  understands: true,
  defaults: true,
  transactions: true,
};

/** @throws PetioleError as `new Petiole` */
export function makeAppContext(
  options: PetioleOptions<readonly ValueEntry[], readonly OrmAdapter[]>,
  listeners: SaveListeners,
): AppContext {
  checkNames("The options of an app", options, appNames);
  const {
    engine,
    values = [],
    models = [],
    limits,
    dialect,
    understands = [],
    defaults = {},
    transactions = "buffered",
  } = options;
  checkDefaults(defaults);
  if (typeof engine?.claim !== "function") {
    throw new PetioleError(
      "ERR_OPTION_INVALID",
      `engine must be an engine, sqlite("tasks.db") for example, received ${describe(engine)}.`,
    );
  }
  checkLists({ values, models });
  for (const adapter of models as readonly unknown[]) {
    if (isRecord(adapter) && Array.isArray(adapter["models"])) continue;
    throw optionError(
      "models",
      'hold adapters, drizzle(db, { "qa.Comment": comments }) for example',
      adapter,
    );
  }
  if (transactions === "same-database") refuseElsewhere(engine);
  refuseTwice(models);
  const wire = createTaskWire({
    // Last: what an app knows of rows is its models, whatever it was given.
    values: [...values, storedRows(models)],
    dialect: dialect ?? engine.capabilities.dialect ?? "exact",
    understands,
    ...(limits ? { limits } : {}),
  });
  const context: AppContext = {
    engine,
    wire,
    adapters: models,
    tasks: new Map(),
    aliases: new Map(),
    retired: new Map(),
    // Asked each time: a test puts another engine in its place.
    ...sendingOf(() => context.engine, models, transactions, listeners),
    middleware: [],
    schedules: new Map(),
    schedulers: new Set(),
  };
  return context;
}

/** How what is enqueued in a transaction is sent. */
function sendingOf(
  engine: () => Engine,
  adapters: readonly OrmAdapter[],
  given: TransactionStrength,
  listeners: SaveListeners,
): Pick<AppContext, "transactions" | "relay"> {
  const exclusively: RelayContext["exclusively"] = (adapter, run) => transactions.exclusively(adapter, run);
  const outbox = outboxOf(given);
  const relay = outbox && new Relay({ engine, adapters, outbox, exclusively });
  const transactions: Transactions = new Transactions({
    strength: outbox && relay ? new ThroughOutbox(outbox, relay) : withoutOutbox(given, engine),
    engine,
    adapters,
    saved: (event, adapter) => listeners.saved(event, adapter),
  });
  return { transactions, relay };
}

function outboxOf(strength: TransactionStrength): Outbox | undefined {
  if (strength === "outbox") return new Outbox("petiole_outbox");
  if (typeof strength === "object" && strength !== null && "outbox" in strength) {
    return new Outbox(strength.outbox);
  }
  return undefined;
}

function withoutOutbox(strength: TransactionStrength, engine: () => Engine): Strength {
  if (strength === "buffered") return new Buffered(engine);
  if (strength !== "same-database") {
    throw new PetioleError(
      "ERR_OPTION_INVALID",
      'transactions must be "buffered", "outbox", { outbox: "a_table" } or "same-database", received ' +
        `${describe(strength)}.`,
    );
  }
  return new SameDatabase(engine);
}

/** @throws PetioleError for an engine that cannot send as part of a user's transaction */
function refuseElsewhere({ name, capabilities, sendWithin }: Engine): void {
  const why = capabilities.lacks.sameDatabase ?? (sendWithin ? undefined : "it has no sendWithin");
  if (why === undefined) return;
  throw new PetioleError(
    "ERR_OPTION_INVALID",
    `transactions cannot be "same-database" with this engine, ${name}: ${why}. Use transactions: "outbox" instead, ` +
      "which loses nothing either.",
  );
}

/** @throws PetioleError for two models of one name, unless their connections have names that differ */
function refuseTwice(adapters: readonly OrmAdapter[]): void {
  const names = new Set<string>();
  for (const { models, connection } of adapters) {
    for (const { name } of models) {
      const whole = JSON.stringify([name, connection]);
      if (names.has(whole)) {
        throw new PetioleError(
          "ERR_MODEL_DEFINITION",
          `Two models are named ${name}; each needs its own name, or its connection one.`,
        );
      }
      names.add(whole);
    }
  }
}

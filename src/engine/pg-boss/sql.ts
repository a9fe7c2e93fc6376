/**
 * The user's own pg-boss instance or pool, as the engine uses it.
 *
 * @module
 */
import { PetioleError, describe } from "../../errors.ts";
import { codeOf, isUnreachable } from "./errors.ts";

/** Rows, by column. */
export interface PgRowsLike {
  readonly rows: readonly unknown[];
}

/** What of pg-boss's `IDatabase` is used. */
export interface PgBossDatabaseLike {
  executeSql(text: string, values?: unknown[]): Promise<PgRowsLike>;
  listen?(
    channel: string,
    onNotification: (payload: string) => void,
    onReconnect: () => void,
  ): Promise<{ close(): Promise<void> }>;
}

/** What of a `PgBoss` is used. */
export interface PgBossLike {
  getDb(): PgBossDatabaseLike;
}

/** A statement, as `pg` takes it. */
export interface PgQueryLike {
  readonly text: string;
  values?: unknown[];
  /** How long it may take, in milliseconds. A connection on which it takes longer is closed. */
  readonly query_timeout: number;
}

/** What of a client of `pg`'s is used: to listen, and to renew leases. */
export interface PgClientLike {
  query(query: string | PgQueryLike): Promise<PgRowsLike>;
  on(
    event: "notification",
    listener: (message: { readonly channel: string; readonly payload?: string | undefined }) => void,
  ): unknown;
  on(event: "error" | "end", listener: (error?: Error) => void): unknown;
  release(discard?: boolean): void;
}

/** What of `pg`'s `Pool` is used. */
export interface PgPoolLike {
  /** How many connections there are. A client, which has the other two as well, has no such thing. */
  readonly totalCount: number;
  /** `max`: how many there may be; 10 unless told. */
  readonly options?: { readonly max?: number };
  query(query: PgQueryLike): Promise<PgRowsLike>;
  connect(): Promise<PgClientLike>;
}

/** The database, whoever the connections are of. */
export interface Sql {
  query(text: string, values?: readonly unknown[]): Promise<readonly Readonly<Record<string, unknown>>[]>;
  /**
   * The same, within so many milliseconds, and on a connection that the engine has to itself while there is one: whoever
   * else uses them may use them all. Undefined where there is no such thing.
   */
  readonly urgent?: (
    text: string,
    values: readonly unknown[],
    within: number,
  ) => Promise<readonly Readonly<Record<string, unknown>>[]>;
  /**
   * Calls `heard` with what is told on a channel, and `missed` when something may have been missed. Undefined where the
   * connections cannot listen. Rejects when they cannot now.
   */
  readonly listen?: (
    channel: string,
    heard: (payload: string) => void,
    missed: () => void,
  ) => Promise<{ close(): Promise<void> }>;
}

/**
 * Takes what the user has.
 *
 * @param timeout how long a statement may keep a connection of a pool's, in milliseconds
 * @throws PetioleError `ERR_OPTION_INVALID` for anything else
 */
export function sqlOf(source: PgBossLike | PgPoolLike, timeout: number): Sql {
  const given: unknown = source;
  if (typeof given === "object" && given !== null) {
    if ("getDb" in given && typeof given.getDb === "function") return ofBoss(given as unknown as PgBossLike);
    const isPool =
      "query" in given &&
      typeof given.query === "function" &&
      "connect" in given &&
      typeof given.connect === "function" &&
      // A client has these two as well, but runs one statement after the other, for whoever has it.
      "totalCount" in given;
    if (isPool) return ofPool(given as unknown as PgPoolLike, timeout);
  }
  throw new PetioleError(
    "ERR_OPTION_INVALID",
    `pgBoss() takes a PgBoss instance, or a Pool of pg's; it got ${describe(given)}.`,
  );
}

function rowsOf(result: PgRowsLike): readonly Readonly<Record<string, unknown>>[] {
  return result.rows as readonly Readonly<Record<string, unknown>>[];
}

function ofBoss(boss: PgBossLike): Sql {
  const database = boss.getDb();
  return {
    async query(text, values) {
      // Without values, several statements may be in one text.
      return rowsOf(
        await (values === undefined ? database.executeSql(text) : database.executeSql(text, [...values])),
      );
    },
    ...(typeof database.listen === "function" && {
      listen: (channel, heard, missed) => database.listen!(channel, heard, missed),
    }),
  };
}

function ofPool(pool: PgPoolLike, timeout: number): Sql {
  const listener = new PoolListener(pool);
  const statement = (text: string, values: readonly unknown[] | undefined, within: number): PgQueryLike => ({
    text,
    // Without values, several statements may be in one text.
    ...(values !== undefined && { values: [...values] }),
    // Else one on a connection that is dead, and does not say so, would keep it from the pool for good.
    query_timeout: within,
  });
  return {
    async query(text, values) {
      return rowsOf(await pool.query(statement(text, values, timeout)));
    },
    async urgent(text, values, within) {
      const query = statement(text, values, within);
      return rowsOf(await (listener.query(query) ?? pool.query(query)));
    },
    async listen(channel, heard, missed) {
      // To listen on the only one would leave none to work with.
      if (pool.options?.max === 1) throw new Error("The pool has one connection.");
      return listener.listen({ channel, heard, missed });
    },
  };
}

/** Longest wait between two attempts to listen again, in milliseconds. */
const longestWait = 10_000;

interface Subscription {
  readonly channel: string;
  readonly heard: (payload: string) => void;
  readonly missed: () => void;
}

/** Listens, to all channels on one connection that it takes out of the pool, and on another when that is lost. */
class PoolListener {
  readonly #pool: PgPoolLike;
  readonly #subscriptions = new Set<Subscription>();
  #client: PgClientLike | undefined;
  #lose: () => void = () => {};
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;

  constructor(pool: PgPoolLike) {
    this.#pool = pool;
  }

  /** Rejects when it cannot be listened now. While a connection that was lost is made again, it will be on that. */
  async listen(subscription: Subscription): Promise<{ close(): Promise<void> }> {
    const isFirst = this.#subscriptions.size === 0;
    this.#subscriptions.add(subscription);
    try {
      if (isFirst) await this.#connect();
      else await this.#client?.query(listening(subscription));
    } catch (error) {
      this.#leave(subscription);
      if (isFirst) this.#again();
      throw error;
    }
    if (!isFirst) subscription.missed();
    return { close: async () => this.#leave(subscription) };
  }

  #leave(subscription: Subscription): void {
    this.#subscriptions.delete(subscription);
    if (this.#subscriptions.size > 0) return;
    clearTimeout(this.#timer);
    const client = this.#client;
    this.#client = undefined;
    // Not given back: it would go on listening for the next who gets it.
    client?.release(true);
  }

  /** Runs a statement on its connection; undefined while it has none. */
  query(query: PgQueryLike): Promise<PgRowsLike> | undefined {
    const lose = this.#lose;
    return this.#client?.query(query).catch((error: unknown) => {
      // Not an answer of the server's, or that of one that takes no writes: it is lost, or as good as that.
      if (codeOf(error) === undefined || isUnreachable(error)) lose();
      throw error;
    });
  }

  async #connect(): Promise<void> {
    const client = await this.#pool.connect();
    let lost = false;
    const lose = (): void => {
      if (lost) return;
      lost = true;
      if (this.#client !== client) return;
      this.#client = undefined;
      client.release(true);
      this.#again();
    };
    client.on("error", lose);
    client.on("end", lose);
    client.on("notification", ({ channel, payload }) => {
      if (payload === undefined) return;
      for (const each of this.#subscriptions) if (each.channel === channel) each.heard(payload);
    });
    try {
      // Those as well that are added meanwhile.
      for (const subscription of this.#subscriptions) await client.query(listening(subscription));
    } catch (error) {
      lost = true;
      client.release(true);
      throw error;
    }
    if (this.#subscriptions.size === 0 || lost) {
      if (!lost) client.release(true);
      else this.#again();
      return;
    }
    this.#client = client;
    this.#lose = lose;
    this.#failures = 0;
    for (const { missed } of this.#subscriptions) missed();
  }

  #again(): void {
    if (this.#subscriptions.size === 0) return;
    const wait = Math.min(longestWait, 250 * 2 ** this.#failures++);
    this.#timer = setTimeout(() => {
      this.#connect().catch(() => this.#again());
    }, wait).unref();
  }
}

function listening({ channel }: Subscription): string {
  return `LISTEN "${channel}"`;
}

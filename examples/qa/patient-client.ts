/**
 * A libsql client for a file that several processes write to.
 *
 * SQLite has one writer at a time. A libsql client has several connections, and one that writes while another
 * has a transaction open is refused with SQLITE_BUSY. Its `timeout` does not help within a process: it waits
 * inside the native call, where the transaction that it waits for cannot go on. And a write that was refused
 * leaves its connection broken: the next transaction on it fails at COMMIT with "SQL statements in progress"
 * (seen with libsql 0.5.29 under `@libsql/client` 0.18.0).
 *
 * So writes of this process take turns, on a connection of their own. When another process is writing, that
 * connection is replaced and the write tried again, while everything else in the process goes on.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import {
  type Client,
  type Config,
  type InArgs,
  type InStatement,
  LibsqlError,
  type Transaction,
  type TransactionMode,
  createClient,
} from "@libsql/client";

/** How long a write waits for other writers, in milliseconds. */
const patience = 10_000;

/** A client that reads as usual, and does one write or transaction after the other. */
export function createPatientClient(config: Config): Client {
  const reader = createClient(config);
  const writer = createClient({ ...config, concurrency: 1 });
  const turns = new Turns();
  const write = <Result>(run: () => Promise<Result>) => turns.during(() => retryWhileBusy(writer, run));

  return replacing(reader, {
    execute(statement: InStatement, parameters?: InArgs) {
      const query = typeof statement === "string" ? { sql: statement, args: parameters ?? [] } : statement;
      return /^\s*select\b/i.test(query.sql) ? reader.execute(query) : write(() => writer.execute(query));
    },
    batch: (...given: Parameters<Client["batch"]>) => write(() => writer.batch(...given)),
    migrate: (statements: InStatement[]) => write(() => writer.migrate(statements)),
    async transaction(mode: TransactionMode = "write") {
      const done = await turns.take();
      try {
        return endingWith(await retryWhileBusy(writer, () => writer.transaction(mode)), done);
      } catch (error) {
        done();
        throw error;
      }
    },
    close() {
      reader.close();
      writer.close();
    },
  });
}

/** The transaction, telling when it has ended in whatever way. */
function endingWith(transaction: Transaction, done: () => void): Transaction {
  return replacing(transaction, {
    commit: () => transaction.commit().finally(done),
    rollback: () => transaction.rollback().finally(done),
    close() {
      transaction.close();
      done();
    },
  });
}

/** A try that was refused has done nothing: it was one statement, a transaction's beginning, or undone whole. */
async function retryWhileBusy<Result>(writer: Client, run: () => Promise<Result>): Promise<Result> {
  const deadline = performance.now() + patience;
  for (;;) {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof LibsqlError) || error.code !== "SQLITE_BUSY") throw error;
      await writer.reconnect();
      if (performance.now() > deadline) throw error;
    }
    // Unevenly, lest two processes keep meeting.
    await sleep(1 + Math.random() * 8);
  }
}

/** Hands out one turn at a time, in the order they were asked for. */
class Turns {
  #last: Promise<void> = Promise.resolve();

  /** Resolves when the turn has come, to the function that ends it. */
  async take(): Promise<() => void> {
    const before = this.#last;
    const { promise: ended, resolve: done } = Promise.withResolvers<void>();
    this.#last = before.then(() => ended);
    const waiting = new AbortController();
    const gaveUp = sleep(patience, true, { signal: waiting.signal }).catch(() => false);
    if (await Promise.race([before, gaveUp])) {
      done();
      throw new Error(
        `A write waited ${patience / 1_000} s for its turn. Inside a transaction, write through the transaction, ` +
          "not through the database: that would wait for the transaction's own end",
      );
    }
    waiting.abort();
    return done;
  }

  async during<Result>(run: () => Promise<Result>): Promise<Result> {
    const done = await this.take();
    try {
      return await run();
    } finally {
      done();
    }
  }
}

/** An object with some methods replaced; a proxy, for the client's classes keep their state in private fields. */
function replacing<Target extends object>(target: Target, methods: object): Target {
  return new Proxy(target, {
    get(_, name) {
      if (Object.hasOwn(methods, name)) return Reflect.get(methods, name) as unknown;
      const member: unknown = Reflect.get(target, name);
      return typeof member === "function" && name !== "constructor" ? member.bind(target) : member;
    },
  });
}

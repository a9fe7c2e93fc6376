/**
 * Stands in for MongoDB where there is none: it speaks the wire protocol, and keeps documents in memory.
 *
 * What passes on it shows what the adapter and Mongoose send, and what they make of the answers. It is no proof about
 * MongoDB itself: it knows only the commands and operators that these tests send, has no indexes but unique ones, and
 * meets conflicts in transactions in the simplest way. `PETIOLE_TEST_MONGODB` runs the same tests on a real one.
 */
import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { serialize } from "bson";
import {
  type Fields,
  Refusal,
  matching,
  projected,
  read,
  textOf,
  updated,
  upserted,
} from "./mongodb-stub-documents.ts";

type Collection = Map<string, Fields>;

export interface MongodbStub {
  readonly url: string;
  stop(): Promise<void>;
}

interface Transaction {
  readonly number: string;
  /** What it sees: what was committed when it began, and its own writes. */
  readonly seen: Map<string, Collection>;
  readonly began: ReadonlyMap<string, ReadonlyMap<string, Fields>>;
  readonly written: Map<string, Set<string>>;
  isCommitted?: boolean;
}

/** As of MongoDB's `configureFailPoint`. */
interface FailPoint {
  times: number;
  readonly failCommands: readonly string[];
  readonly errorCode: number;
  readonly errorLabels?: readonly string[];
  readonly closeConnection?: boolean;
}

/** Starts one, empty. */
export async function startMongodbStub(): Promise<MongodbStub> {
  const sockets = new Set<Socket>();
  const database = new Database();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => socket.destroy());
    readMessages(socket, (command) => database.answer(command, `127.0.0.1:${socket.localPort}`));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `mongodb://127.0.0.1:${port}/?replicaSet=stub`,
    async stop() {
      if (!server.listening) return;
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, "close");
    },
  };
}

/** Of the messages there are: OP_MSG, and for the first `hello` OP_QUERY, which is answered by OP_REPLY. */
function readMessages(socket: Socket, answer: (command: Fields) => Fields | undefined): void {
  let received = Buffer.alloc(0);
  socket.on("data", (part: Buffer) => {
    received = Buffer.concat([received, part]);
    while (received.length >= 4 && received.length >= received.readInt32LE(0)) {
      const message = received.subarray(0, received.readInt32LE(0));
      received = received.subarray(message.length);
      const isQuery = message.readInt32LE(12) === 2004;
      const reply = answer(isQuery ? queryIn(message) : commandIn(message));
      if (reply === undefined) return void socket.destroy();
      const body = Buffer.from(serialize(reply, { ignoreUndefined: true }));
      // OP_REPLY: flags, cursor, start, count. OP_MSG: flags, a section of kind 0.
      const head = Buffer.alloc(isQuery ? 36 : 21);
      if (isQuery) head.writeInt32LE(1, 32);
      head.writeInt32LE(head.length + body.length, 0);
      head.writeInt32LE(message.readInt32LE(4), 8);
      head.writeInt32LE(isQuery ? 1 : 2013, 12);
      socket.write(Buffer.concat([head, body]));
    }
  });
}

function queryIn(message: Buffer): Fields {
  return read(message.subarray(message.indexOf(0, 20) + 9));
}

function commandIn(message: Buffer): Fields {
  const command: Fields = {};
  for (let at = 20; at < message.length;) {
    const kind = message[at];
    const end = at + 1 + message.readInt32LE(at + 1);
    if (kind === 0) {
      Object.assign(command, read(message.subarray(at + 1, end)));
    } else {
      const name = message.toString("utf8", at + 5, message.indexOf(0, at + 5));
      const items: Fields[] = [];
      for (let item = at + 6 + name.length; item < end; item += message.readInt32LE(item))
        items.push(read(message.subarray(item, item + message.readInt32LE(item))));
      command[name] = items;
    }
    at = end;
  }
  return command;
}

class Database {
  #committed = new Map<string, Collection>();
  readonly #transactions = new Map<string, Transaction>();
  readonly #unique = new Map<string, string[][]>();
  #failPoint: FailPoint | undefined;

  /** The answer to a command; undefined for one that the connection does not survive. */
  answer(command: Fields, address: string): Fields | undefined {
    const [name = ""] = Object.keys(command);
    try {
      const fail = this.#failPoint;
      if (fail && fail.times > 0 && fail.failCommands.includes(name)) {
        fail.times--;
        if (fail.closeConnection) return undefined;
        throw new Refusal(fail.errorCode, "FailPoint", "failing as told", fail.errorLabels);
      }
      if (name === "hello" || name.toLowerCase() === "ismaster") return hello(address);
      return { ok: 1, ...this.#run(name, command) };
    } catch (error) {
      if (error instanceof Refusal) return error.answer;
      return { ok: 0, code: 1, codeName: "InternalError", errmsg: String(error) };
    }
  }

  #run(name: string, command: Fields): Fields {
    const database = `${String(command["$db"])}.`;
    const namespace = `${database}${String(command[name])}`;
    const list = (field: string): Fields[] => (command[field] ?? []) as Fields[];
    switch (name) {
      case "ping":
      case "endSessions":
      case "killCursors":
        return {};
      case "configureFailPoint":
        this.#failPoint = failPointIn(command);
        return {};
      case "create":
        this.#collection(this.#committed, namespace);
        return {};
      case "createIndexes":
        for (const { key, unique } of list("indexes"))
          if (unique === true) this.#uniqueOf(namespace).push(Object.keys(key as Fields));
        return {};
      case "dropDatabase":
        for (const each of this.#committed.keys())
          if (each.startsWith(database)) this.#committed.delete(each);
        return {};
      case "commitTransaction":
      case "abortTransaction":
        return this.#end(command, name === "commitTransaction");
    }
    const view = this.#viewOf(command);
    const rows = this.#collection(view.seen, namespace);
    const write = (id: string, row: Fields | undefined): void => this.#write(view, namespace, id, row);
    const unique = this.#uniqueOf(namespace);
    switch (name) {
      case "insert":
        return eachOf(list("documents"), command, (row) => {
          refuseDuplicates(rows, row, unique, namespace);
          write(textOf(row["_id"]), row);
          return { n: 1 };
        });
      case "update":
        return eachOf(list("updates"), command, ({ q, u, upsert, multi }, index) => {
          const found = matching(rows, q as Fields).slice(0, multi === true ? undefined : 1);
          const changed = found.map((row) => updated(row, u as Fields, false));
          const different = changed.filter((row, at) => textOf(row) !== textOf(found[at]));
          for (const row of different) write(textOf(row["_id"]), row);
          if (found.length > 0 || upsert !== true) return { n: found.length, nModified: different.length };
          const row = upserted(q as Fields, u as Fields);
          refuseDuplicates(rows, row, unique, namespace);
          write(textOf(row["_id"]), row);
          return { n: 1, nModified: 0, upserted: [{ index, _id: row["_id"] }] };
        });
      case "delete":
        return eachOf(list("deletes"), command, ({ q, limit }) => {
          const found = matching(rows, q as Fields).slice(0, Number(limit) === 1 ? 1 : undefined);
          for (const row of found) write(textOf(row["_id"]), undefined);
          return { n: found.length };
        });
      case "findAndModify": {
        const [row] = matching(rows, command["query"] as Fields);
        const change = command["update"] as Fields | undefined;
        if (row === undefined && (command["upsert"] !== true || change === undefined))
          return { lastErrorObject: { n: 0, updatedExisting: false }, value: null };
        const next =
          change && (row ? updated(row, change, false) : upserted(command["query"] as Fields, change));
        write(textOf((next ?? row)?.["_id"]), next);
        const value = command["new"] === true ? next : (row ?? null);
        const upsertedId = row === undefined ? { upserted: next?.["_id"] } : {};
        return { lastErrorObject: { n: 1, updatedExisting: row !== undefined, ...upsertedId }, value };
      }
      case "find": {
        const limit = Math.abs(Number(command["limit"] ?? 0)) || undefined;
        const found = matching(rows, (command["filter"] ?? {}) as Fields).slice(0, limit);
        const projection = command["projection"] as Fields | undefined;
        const firstBatch = found.map((row) => projected(row, projection));
        return { cursor: { id: 0n, ns: namespace, firstBatch } };
      }
      case "aggregate": {
        // countDocuments is all that is asked for.
        const [{ $match } = { $match: {} }] = list("pipeline");
        const n = matching(rows, $match as Fields).length;
        return { cursor: { id: 0n, ns: namespace, firstBatch: n === 0 ? [] : [{ _id: 1, n }] } };
      }
      default:
        throw new Refusal(59, "CommandNotFound", `no such command: ${name}`);
    }
  }

  #collection(of: Map<string, Collection>, namespace: string): Collection {
    const rows = of.get(namespace) ?? new Map<string, Fields>();
    of.set(namespace, rows);
    return rows;
  }

  #uniqueOf(namespace: string): string[][] {
    const unique = this.#unique.get(namespace) ?? [["_id"]];
    this.#unique.set(namespace, unique);
    return unique;
  }

  /** What a command sees and writes: its transaction, or what is committed. */
  #viewOf(command: Fields): Transaction | { readonly seen: Map<string, Collection> } {
    if (command["autocommit"] !== false) return { seen: this.#committed };
    const session = textOf(command["lsid"]);
    const number = textOf(command["txnNumber"]);
    if (command["startTransaction"] === true) {
      const copy = (): Map<string, Collection> =>
        new Map([...this.#committed].map(([namespace, rows]) => [namespace, new Map(rows)]));
      this.#transactions.set(session, { number, seen: copy(), began: copy(), written: new Map() });
    }
    const transaction = this.#transactions.get(session);
    if (transaction?.number === number && transaction.isCommitted !== true) return transaction;
    throw new Refusal(251, "NoSuchTransaction", "there is no such transaction", [
      "TransientTransactionError",
    ]);
  }

  #write(
    view: Transaction | { readonly seen: Map<string, Collection> },
    namespace: string,
    id: string,
    row: Fields | undefined,
  ): void {
    if ("written" in view) {
      const isTaken =
        this.#committed.get(namespace)?.get(id) !== view.began.get(namespace)?.get(id) ||
        [...this.#transactions.values()].some(
          (other) => other !== view && other.written.get(namespace)?.has(id),
        );
      if (isTaken)
        throw new Refusal(112, "WriteConflict", "another has written it", ["TransientTransactionError"]);
      view.written.set(namespace, (view.written.get(namespace) ?? new Set()).add(id));
    }
    const rows = this.#collection(view.seen, namespace);
    if (row === undefined) rows.delete(id);
    else rows.set(id, row);
  }

  #end(command: Fields, commits: boolean): Fields {
    const session = textOf(command["lsid"]);
    const transaction = this.#transactions.get(session);
    if (transaction?.number !== textOf(command["txnNumber"]) || (transaction.isCommitted && !commits))
      throw new Refusal(251, "NoSuchTransaction", "there is no such transaction");
    if (!commits) {
      this.#transactions.delete(session);
      return {};
    }
    for (const [namespace, ids] of transaction.written) {
      const rows = this.#collection(this.#committed, namespace);
      for (const id of ids) {
        const row = transaction.seen.get(namespace)?.get(id);
        if (row === undefined) rows.delete(id);
        else rows.set(id, row);
      }
    }
    transaction.written.clear();
    transaction.isCommitted = true;
    return {};
  }
}

function hello(address: string): Fields {
  return {
    ok: 1,
    helloOk: true,
    isWritablePrimary: true,
    ismaster: true,
    setName: "stub",
    setVersion: 1,
    hosts: [address],
    me: address,
    primary: address,
    localTime: new Date(),
    maxBsonObjectSize: 16_777_216,
    maxMessageSizeBytes: 48_000_000,
    maxWriteBatchSize: 100_000,
    logicalSessionTimeoutMinutes: 30,
    minWireVersion: 0,
    maxWireVersion: 21,
    readOnly: false,
  };
}

function failPointIn({ mode, data }: Fields): FailPoint | undefined {
  if (typeof mode !== "object" || mode === null) return undefined;
  const fail = data as Omit<FailPoint, "times">;
  return { ...fail, times: Number((mode as Fields)["times"]), errorCode: Number(fail.errorCode ?? 1) };
}

/** Does each of a command's writes; those that are refused are told in `writeErrors`, and end an ordered command. */
function eachOf(
  items: readonly Fields[],
  command: Fields,
  run: (item: Fields, index: number) => Fields,
): Fields {
  const total = { n: 0, nModified: 0, upserted: [] as unknown[] };
  const writeErrors: Fields[] = [];
  for (const [index, item] of items.entries()) {
    try {
      const { n, nModified = 0, upserted = [] } = run(item, index) as typeof total;
      total.n += n;
      total.nModified += nModified;
      total.upserted.push(...upserted);
    } catch (error) {
      // A duplicate ends a transaction; other refusals are the whole command's.
      if (!(error instanceof Refusal) || error.answer["code"] !== 11_000) throw error;
      writeErrors.push({ index, code: 11_000, errmsg: error.message, ...(error.answer["keys"] as object) });
      if (command["ordered"] !== false) break;
    }
  }
  const { upserted, ...counts } = total;
  return {
    ...counts,
    ...(upserted.length > 0 ? { upserted } : {}),
    ...(writeErrors.length > 0 ? { writeErrors } : {}),
  };
}

function refuseDuplicates(
  rows: Collection,
  row: Fields,
  unique: readonly string[][],
  namespace: string,
): void {
  for (const names of unique) {
    const keyOf = (each: Fields): string => names.map((name) => textOf(each[name])).join();
    const isThere =
      names.join() === "_id"
        ? rows.has(textOf(row["_id"]))
        : [...rows.values()].some((each) => keyOf(each) === keyOf(row));
    if (isThere)
      throw new Refusal(11_000, "DuplicateKey", `E11000 duplicate key in ${namespace}: ${names.join()}`);
  }
}

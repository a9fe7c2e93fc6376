import { type ClientSession, type Connection, createConnection, Mongoose, Schema } from "mongoose";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { connect, disconnect } from "../../../test/orm/mongoose-harness.ts";
import { type Mongodb, mongodbDatabase, noMongodb, startStub } from "../../../test/services/mongodb.ts";
import { Recorder } from "../../testing/orm-contract/recorder.ts";
import type { OrmAdapter } from "../../model/adapter.ts";
import { mongoose } from "../mongoose.ts";

// `configureFailPoint` is MongoDB's own: a real server needs --setParameter enableTestCommands=1 for these tests.
describe.each([
  ["what stands in for MongoDB", startStub, undefined],
  ["MongoDB", async () => mongodbDatabase(), noMongodb],
] as const)("transactions on %s", (_, start, missing) => {
  let server: Mongodb;
  let connection: Connection;
  let adapter: OrmAdapter;
  let recorder: Recorder;

  beforeEach(async ({ skip }) => {
    if (missing !== undefined) skip(missing);
    server = await start();
    connection = await connect(server.url);
    await commentsOf(connection).createCollection();
    adapter = mongoose(connection, { "qa.Comment": commentsOf(connection) });
    recorder = new Recorder();
  });
  afterEach(async () => {
    if (missing === undefined) await disconnect(connection, server);
  });

  const insert = (session: unknown, _id: number) =>
    commentsOf(connection).create([{ _id, body: "a comment" }], { session: session as ClientSession });
  const present = async () =>
    (await adapter.load("qa.Comment", [1, 2, 3])).map((row) => adapter.keyOf("qa.Comment", row)).sort();
  const fail = (data: object, times = 1) =>
    connection.getClient().db("admin").command({ configureFailPoint: "failCommand", mode: { times }, data });

  test("that the driver tries again are begun anew, and the former are rolled back", async () => {
    adapter.observe(recorder);
    await fail({ failCommands: ["insert"], errorCode: 112, errorLabels: ["TransientTransactionError"] });
    const seen: (number | undefined)[] = [];
    const result = await adapter.transaction(connection, async (session) => {
      seen.push(recorder.current);
      await insert(session, seen.length);
      return "done";
    });
    expect(result).toBe("done");
    expect(seen).toEqual([1, 2]);
    expect(recorder.transactions).toEqual(["begun 1", "rolled back 1", "begun 2", "committed 2"]);
    expect(await present()).toEqual([2]);
  });

  test("whose commit is answered by a conflict are begun anew as well", async () => {
    adapter.observe(recorder);
    await fail({
      failCommands: ["commitTransaction"],
      errorCode: 251,
      errorLabels: ["TransientTransactionError"],
    });
    let runs = 0;
    await connection.transaction(async (session) => void (await insert(session, ++runs)));
    expect(recorder.transactions).toEqual(["begun 1", "rolled back 1", "begun 2", "committed 2"]);
    expect(await present()).toEqual([2]);
  });

  test("whose commit has to be asked for again are told once", async () => {
    adapter.observe(recorder);
    await fail({ failCommands: ["commitTransaction"], closeConnection: true });
    await connection.transaction(async (session) => void (await insert(session, 1)));
    expect(recorder.transactions).toEqual(["begun 1", "committed 1"]);
    expect(await present()).toEqual([1]);

    await fail({
      failCommands: ["commitTransaction"],
      errorCode: 50,
      errorLabels: ["UnknownTransactionCommitResult"],
    });
    const session = await connection.startSession();
    session.startTransaction();
    await insert(session, 2);
    await expect(session.commitTransaction()).rejects.toThrow();
    expect(recorder.transactions.slice(2)).toEqual(["begun 2"]);
    await session.commitTransaction();
    await session.endSession();
    expect(recorder.transactions.slice(2)).toEqual(["begun 2", "committed 2"]);
    expect(await present()).toEqual([1, 2]);
  });

  test("whose commit failed for good are told as rolled back", async () => {
    adapter.observe(recorder);
    await fail({ failCommands: ["commitTransaction"], errorCode: 13 });
    const failed = adapter.transaction(connection, async (session) => void (await insert(session, 1)));
    await expect(failed).rejects.toMatchObject({ code: 13 });
    expect(recorder.transactions).toEqual(["begun 1", "rolled back 1"]);

    await fail({
      failCommands: ["commitTransaction"],
      errorCode: 50,
      errorLabels: ["UnknownTransactionCommitResult"],
    });
    const session = await connection.startSession();
    session.startTransaction();
    await insert(session, 2);
    await expect(session.commitTransaction()).rejects.toThrow();
    await session.endSession();
    expect(recorder.transactions.slice(2)).toEqual(["begun 2", "rolled back 2"]);
  });

  test("whose server is gone are told as rolled back, each that began", async () => {
    const lost = await connect(server.url, 500);
    const lostAdapter = mongoose(lost, { "qa.Comment": commentsOf(lost) });
    lostAdapter.observe(recorder);
    await fail({ failCommands: ["insert"], closeConnection: true }, 3);
    let runs = 0;
    const outcome = lostAdapter.transaction(lost, async (session) => {
      runs++;
      await commentsOf(lost).create([{ _id: 1 }], { session: session as ClientSession });
      throw new Error("changed my mind");
    });
    await expect(outcome).rejects.toThrow();
    await lost.close(true);
    const each = Array.from({ length: runs }, (__, index) => [
      `begun ${index + 1}`,
      `rolled back ${index + 1}`,
    ]);
    expect(recorder.transactions).toEqual(each.flat());
    expect(await present()).toEqual([]);
  });

  test("of session.withTransaction, mongoose's and the client's sessions are seen as well", async () => {
    adapter.observe(recorder);
    const work = (id: number) => async (session: ClientSession) => {
      expect(adapter.owns(session)).toBe(true);
      await session.withTransaction(async () => {
        expect(recorder.current).toBe(id);
        await insert(session, id);
      });
      expect(recorder.current).toBeUndefined();
    };
    await connection.withSession(work(1));
    await connection.getClient().withSession(work(2));
    const session = connection.getClient().startSession();
    await work(3)(session);
    await session.endSession();
    expect(recorder.transactions).toEqual([
      "begun 1",
      "committed 1",
      "begun 2",
      "committed 2",
      "begun 3",
      "committed 3",
    ]);
  });

  test("that are ended by hand inside of withTransaction are told as they ended", async () => {
    adapter.observe(recorder);
    await connection.transaction(async (session) => {
      await insert(session, 1);
      await session.abortTransaction();
    });
    expect(recorder.transactions).toEqual(["begun 1", "rolled back 1"]);

    const failure = new Error("after the commit");
    const committed = adapter.transaction(connection, async (session) => {
      await insert(session, 2);
      await (session as ClientSession).commitTransaction();
      throw failure;
    });
    await expect(committed).rejects.toBe(failure);
    expect(recorder.transactions.slice(2)).toEqual(["begun 2", "committed 2"]);
    expect(await present()).toEqual([2]);
  });

  test("of a session that is ended are rolled back with it", async () => {
    adapter.observe(recorder);
    const session = await connection.startSession();
    session.startTransaction();
    await insert(session, 1);
    expect(adapter.isTransaction(session)).toBe(true);
    await session.endSession();
    expect(recorder.transactions).toEqual(["begun 1", "rolled back 1"]);
    expect(adapter.isTransaction(session)).toBe(false);
    expect(await present()).toEqual([]);
  });

  test("one after another in one session are each their own", async () => {
    adapter.observe(recorder);
    const session = await connection.startSession();
    expect(adapter.transactionOf(session)).toBeUndefined();
    session.startTransaction();
    const first = adapter.transactionOf(session);
    await session.commitTransaction();
    // Until the next one begins, its own end is what the session says.
    expect(adapter.transactionOf(session)).toBe(first);
    session.startTransaction();
    expect(adapter.transactionOf(session)).not.toBe(first);
    await session.abortTransaction();
    await session.endSession();
    expect(recorder.transactions).toEqual(["begun 1", "committed 1", "begun 2", "rolled back 2"]);
  });

  test("cannot be nested, which is refused with the reason before anything is done", async () => {
    adapter.observe(recorder);
    await adapter.transaction(connection, async (session) => {
      const nested = adapter.transaction(session, async () => expect.unreachable());
      await expect(nested).rejects.toMatchObject({
        code: "ERR_TRANSACTION_UNSUPPORTED",
        message: expect.stringMatching(/no savepoints.*the one session/),
      });
      await insert(session, 1);
    });
    expect(recorder.transactions).toEqual(["begun 1", "committed 1"]);
    expect(await present()).toEqual([1]);
  });

  test("of a session that has none begin in it", async () => {
    adapter.observe(recorder);
    const session = await connection.startSession();
    await adapter.transaction(session, async (transaction) => {
      expect(transaction).toBe(session);
      await insert(transaction, 1);
    });
    await session.endSession();
    expect(recorder.transactions).toEqual(["begun 1", "committed 1"]);
  });

  test("of another client are not owned, and refused", async () => {
    const other = await connect(server.url);
    const session = await other.startSession();
    expect(adapter.owns(session)).toBe(false);
    expect(adapter.transactionOf(session)).toBeUndefined();
    const refused = { code: "ERR_TRANSACTION_UNSUPPORTED" };
    await expect(adapter.transaction(session, async () => undefined)).rejects.toMatchObject(refused);
    await expect(adapter.load("qa.Comment", [1], { transaction: session })).rejects.toMatchObject(refused);
    await expect(adapter.save("qa.Comment", { _id: 1 }, { transaction: {} })).rejects.toMatchObject(refused);
    await session.endSession();
    await other.close();
  });

  test("begun before anybody observed are not told, and are owned", async () => {
    const session = await connection.startSession();
    session.startTransaction();
    adapter.observe(recorder);
    expect(adapter.isTransaction(session)).toBe(true);
    expect(adapter.transactionOf(session)).toBeUndefined();
    await session.commitTransaction();
    await session.endSession();
    expect(recorder.transactions).toEqual([]);
  });

  test("are seen when the connection was made after the observer came", async () => {
    const late = createConnection();
    const lateAdapter = mongoose(late, { "qa.Comment": commentsOf(late) });
    lateAdapter.observe(recorder);
    await late.openUri(server.url);
    await late.transaction(async () => expect(recorder.current).toBe(1));
    expect(recorder.transactions).toEqual(["begun 1", "committed 1"]);
    await late.close();
    await late.openUri(server.url);
    await late.transaction(async () => expect(recorder.current).toBe(2));
    expect(recorder.transactions.slice(2)).toEqual(["begun 2", "committed 2"]);
    await late.close();
  });

  test("with transactionAsyncLocalStorage, a load does not join the one that it is called in", async () => {
    const own = new Mongoose();
    own.set("transactionAsyncLocalStorage", true);
    const joined = await own.createConnection(server.url).asPromise();
    const Comment = commentsOf(joined);
    const joinedAdapter = mongoose(joined, { "qa.Comment": Comment });
    joinedAdapter.observe(recorder);
    await joined.transaction(async (session) => {
      await Comment.create({ _id: 1, body: "joined" });
      expect(recorder.saves.map(({ key, transaction }) => [key, recorder.numberOf(transaction)])).toEqual([
        [1, 1],
      ]);
      expect(await joinedAdapter.load("qa.Comment", [1])).toEqual([]);
      expect(await joinedAdapter.load("qa.Comment", [1], { transaction: session })).toHaveLength(1);
      expect(await joinedAdapter.load("qa.Comment", [1], { with: ["parent"] })).toEqual([]);
    });
    expect(await joinedAdapter.load("qa.Comment", [1])).toHaveLength(1);
    await joined.close();
  });

  test("are told by two adapters of one client, each once, and by one that has ended no more", async () => {
    const second = new Recorder();
    const other = mongoose(connection, { "x.Comment": commentsOf(connection) });
    const end = adapter.observe(recorder);
    other.observe(second);
    await connection.transaction(async (session) => {
      expect([recorder.current, second.current]).toEqual([1, 1]);
      expect(adapter.transactionOf(session)).not.toBe(other.transactionOf(session));
      await insert(session, 1);
    });
    end();
    end();
    await connection.transaction(async (session) => void (await insert(session, 2)));
    expect(recorder.log).toEqual(["begun 1", "saved", "committed 1"]);
    expect(second.log).toEqual(["begun 1", "saved", "committed 1", "begun 2", "saved", "committed 2"]);
  });
});

function commentsOf(connection: Connection) {
  const schema = { _id: Number, body: String, parent: { type: Number, ref: "Comment" } };
  const compile = () => connection.model("Comment", new Schema(schema, { versionKey: false }));
  return (connection.models["Comment"] as ReturnType<typeof compile> | undefined) ?? compile();
}

/** The models of `ormContract` in Mongoose, on a MongoDB or on what stands in for it. */
import { type Connection, createConnection, type Model, Schema } from "mongoose";
import { mongoose } from "../../src/orm/mongoose.ts";
import type { Key } from "../../src/model/ref.ts";
import type { ContractModelName, ContractRow, OrmContractHarness } from "../../src/testing/orm-contract.ts";
import type { Mongodb } from "../services/mongodb.ts";

/**
 * Connects.
 *
 * @param patience - after how many milliseconds it gives up, when its server is gone later
 */
export async function connect(url: string, patience = 5_000): Promise<Connection> {
  for (let attempt = 1; ; attempt++) {
    const connection = createConnection(url, {
      autoIndex: false,
      serverSelectionTimeoutMS: patience,
      monitorCommands: true,
    });
    try {
      return await connection.asPromise();
    } catch (error) {
      // The machine may be busy.
      await connection.close(true);
      if (attempt * patience >= 10_000) throw error;
    }
  }
}

/** Closes a connection, and does away with its database. */
export async function disconnect(connection: Connection, { stop }: Mongodb): Promise<void> {
  if (stop === undefined) await connection.dropDatabase().catch(() => undefined);
  await connection.close(true);
  await stop?.();
}

/** The contract's keys are attributes of their own, beside MongoDB's `_id`. */
export function contractModels(connection: Connection) {
  const id = { type: Number, required: true, unique: true };
  const bare = { id: false, versionKey: false } as const;
  const membership = new Schema({ userId: Number, groupName: String, body: String }, bare);
  membership.index({ userId: 1, groupName: 1 }, { unique: true });
  const post = new Schema(
    {
      id,
      title: String,
      authorId: { type: Number, default: null },
      revision: { type: Number, default: 1 },
      deletedAt: { type: Date, default: null },
    },
    bare,
  );
  post.virtual("author", { ref: "Author", localField: "authorId", foreignField: "id", justOne: true });
  post.pre(["find", "findOne"], function () {
    this.where({ deletedAt: null });
  });
  const name = { type: String, unique: true };
  return {
    "qa.Comment": connection.model("Comment", new Schema({ id, body: String }, bare)),
    "qa.Tag": connection.model("Tag", new Schema({ name, body: String }, bare)),
    "qa.Membership": connection.model("Membership", membership),
    "qa.Author": connection.model("Author", new Schema({ id, name: String }, bare)),
    "qa.Post": connection.model("Post", post),
    "qa.Sample": connection.model(
      "Sample",
      new Schema(
        { id, big: BigInt, price: Schema.Types.Decimal128, bytes: Buffer, data: {}, at: Date },
        { ...bare, minimize: false },
      ),
    ),
  } as const;
}

/** A fresh database with the contract's models. */
export async function createHarness(server: Mongodb): Promise<OrmContractHarness> {
  const connection = await connect(server.url, 500);
  const models = contractModels(connection);
  for (const model of Object.values(models)) {
    await model.createCollection();
    await model.createIndexes();
  }
  const described = {
    "qa.Comment": { model: models["qa.Comment"], key: ["id"], fields: ["body"] },
    "qa.Tag": { model: models["qa.Tag"], key: ["name"], fields: ["body"] },
    "qa.Membership": { model: models["qa.Membership"], key: ["userId", "groupName"], fields: ["body"] },
    "qa.Author": { model: models["qa.Author"], key: ["id"], fields: ["name"] },
    "qa.Post": {
      model: models["qa.Post"],
      key: ["id"],
      fields: ["title", "authorId", "revision", "deletedAt"],
      version: "revision",
    },
    "qa.Sample": { model: models["qa.Sample"], key: ["id"], fields: ["big", "price", "bytes", "data", "at"] },
  } as const;
  const adapter = mongoose(connection, described);
  let queries = 0;
  connection.getClient().on("commandStarted", ({ commandName }) => {
    if (!["endSessions", "commitTransaction", "abortTransaction"].includes(commandName)) queries++;
  });
  const model = (name: ContractModelName) => models[name] as unknown as Model<Record<string, unknown>>;
  const within = (handle: unknown) => (handle === connection ? {} : { session: handle as never });
  const inTransaction = async <Result>(handle: unknown, run: (transaction: unknown) => Promise<Result>) =>
    handle === connection
      ? connection.transaction(run)
      : (handle as never as WithTransaction).withTransaction(run);

  return {
    adapter,
    handle: connection,
    targets: models,
    insert: async (handle, name, rows) => model(name).insertMany(rows.map(asStored), within(handle)),
    async update(handle, name, key, changes) {
      // The contract gave a text here once.
      const set = asStored(changes);
      const counted = name === "qa.Post" ? { $inc: { revision: 1 } } : {};
      await model(name).updateOne(filterOf(name, key), { $set: set, ...counted }, within(handle));
    },
    async delete(handle, name, key) {
      await model(name).deleteOne(filterOf(name, key), within(handle));
    },
    async hide(key) {
      await model("qa.Post").updateOne(filterOf("qa.Post", key), { deletedAt: new Date() });
    },
    unsavedComment: () => new models["qa.Comment"]({ id: 99, body: "a draft" }),
    ownTransaction: inTransaction,
    async begin() {
      const session = await connection.startSession();
      session.startTransaction();
      return {
        handle: session,
        async commit() {
          await session.commitTransaction();
          await session.endSession();
        },
        async rollback() {
          await session.abortTransaction();
          await session.endSession();
        },
      };
    },
    hooked: {
      insert: async (handle, name, row) => new (model(name))(asStored(row)).save(within(handle)),
      async update(handle, name, row, changes) {
        const document = row as InstanceType<Model<Record<string, unknown>>>;
        document.set(asStored(changes));
        if (name === "qa.Post") document.set("revision", Number(document.get("revision")) + 1);
        await document.save(within(handle));
      },
      async delete(handle, _name, row) {
        await (row as InstanceType<Model<unknown>>).deleteOne(within(handle) as never);
      },
      async updateAll(handle, name, changes) {
        await model(name).updateMany({}, { $set: asStored(changes) }, within(handle));
      },
    },
    another: (names) =>
      mongoose(connection, Object.fromEntries(names.map((name) => [name, described[name]]))),
    countQueries: () => queries,
    async breakDatabase() {
      if (server.stop === undefined) return connection.close(true);
      await server.stop();
    },
    close: () => disconnect(connection, server),
  };
}

interface WithTransaction {
  withTransaction<Result>(run: (session: unknown) => Promise<Result>): Promise<Result>;
}

function filterOf(name: ContractModelName, key: Key): Record<string, unknown> {
  if (typeof key === "object") return { ...key };
  return name === "qa.Tag" ? { name: key } : { id: key };
}

/** Mongoose takes bytes as a Buffer only. */
function asStored(row: ContractRow): Record<string, unknown> {
  const { bytes } = row;
  return { ...row, ...(bytes instanceof Uint8Array ? { bytes: Buffer.from(bytes) } : {}) };
}

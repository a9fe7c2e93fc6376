import type { Model } from "sequelize";
import { expect, test } from "vitest";
import { defineModels, onEachDatabase } from "../../../test/orm/sequelize.ts";
import { memory } from "../../engine/memory.ts";
import { Petiole, ref } from "../../index.ts";
import { sequelize } from "../sequelize.ts";

onEachDatabase((open) => {
  async function site() {
    const { db } = await open();
    const models = defineModels(db);
    const app = new Petiole({ engine: memory(), models: [sequelize(db, models)] });
    const index = app.task<{ post: unknown }, unknown>("index");
    const sent = async (): Promise<unknown[]> => {
      const { records } = await app.engine.list({});
      const payloads = records.map(({ message }) => JSON.parse(message.payload) as unknown);
      return payloads.map(
        (payload) => (payload as { post: { __value__?: { pk: unknown } } }).post.__value__?.pk,
      );
    };
    return { db, app, index, sent, Comment: models["qa.Comment"], Post: models["qa.Post"] };
  }

  test("an instance travels as a reference, and arrives as the row is then", async () => {
    const { app, index, sent, Comment } = await site();
    index.run(({ post }) => (post as Model).get("body"));
    const comment = await Comment.create({ id: 7, body: "first" });
    const handle = await index.enqueue({ post: comment });
    expect(await sent()).toEqual([7]);
    await comment.update({ body: "edited" });
    const worker = app.worker();
    await worker.start();
    expect(await handle.result()).toBe("edited");
    await worker.stop();
  });

  test("a row that was not saved yet is refused", async () => {
    const { index, Comment } = await site();
    const refused = index.enqueue({ post: Comment.build({ body: "a draft" }) });
    await expect(refused).rejects.toThrow(/qa\.Comment/);
  });

  test("a row that has its key before it is saved is refused until it is, and taken in its own hook", async () => {
    const { index, sent, Comment } = await site();
    const draft = Comment.build({ id: 9, body: "a draft" });
    await expect(index.enqueue({ post: draft })).rejects.toThrow(
      /payload\.post.*qa\.Comment that was not saved/s,
    );
    expect(() => ref(Comment, draft)).toThrow(expect.objectContaining({ code: "ERR_REFERENCE_KEY" }));
    Comment.addHook("afterCreate", async (row) => void (await index.enqueue({ post: row })));
    await draft.save();
    await index.enqueue({ post: draft });
    const many = await Comment.bulkCreate([{ id: 10, body: "one of many" }]);
    await index.enqueue({ post: many[0] });
    expect((await sent()).sort()).toEqual([10, 9, 9]);
  });

  test("what is enqueued in Sequelize's own transactions waits, and is dropped with a savepoint", async () => {
    const { db, index, sent, Comment } = await site();
    await db.transaction(async (outer) => {
      const inner = db.transaction({ transaction: outer }, async (transaction) => {
        await index.enqueue({ post: await Comment.create({ id: 1, body: "dropped" }, { transaction }) });
        throw new Error("no");
      });
      await expect(inner).rejects.toThrow("no");
      await index.enqueue({ post: await Comment.create({ id: 2, body: "kept" }, { transaction: outer }) });
      expect(await sent()).toEqual([]);
    });
    expect(await sent()).toEqual([2]);
  });

  test("listeners hear of saves after the commit, in transactions that are ended by hand, too", async () => {
    const { db, app, index, sent, Comment } = await site();
    app.onSave(Comment, (post) => index.enqueue({ post }));
    const failed = await db.transaction();
    await Comment.create({ id: 1, body: "dropped" }, { transaction: failed });
    await failed.rollback();
    const kept = await db.transaction();
    await Comment.create({ id: 2, body: "kept" }, { transaction: kept });
    expect(await sent()).toEqual([]);
    await kept.commit();
    expect(await sent()).toEqual([2]);
  });

  test("trap: what is heard of in findOrCreate's open savepoint is sent with the transaction", async () => {
    const { db, app, index, sent, Comment } = await site();
    app.onSave(Comment, (post) => index.enqueue({ post }));
    await db.transaction((transaction) =>
      Comment.findOrCreate({ where: { id: 3 }, defaults: { body: "found" }, transaction }),
    );
    expect(await sent()).toEqual([3]);
  });
});

/** The contract's rules about what an app does with an adapter: what is sent, what arrives, and when. */
import assert from "node:assert/strict";
import { Reference, ref } from "../../model/ref.ts";
import { snapshot } from "../../model/snapshot.ts";
import type { Snapshot } from "../../wire/snapshot.ts";
import { withApp } from "./app.ts";
import { type OrmContractCase, bodyOf } from "./harness.ts";
import { anyOf, errorWith, needs, needsPart } from "./needs.ts";
import { insertComments, insertPosts, loadOne } from "./rows.ts";

export const appCases: readonly OrmContractCase[] = [
  {
    name: "references arrive as rows as they are then, wherever they are, one object for each row, in one query",
    run: (harness) =>
      withApp(harness, async ({ enqueue, tester, seen }) => {
        await insertComments(harness, [1, 2, 3]);
        const target = harness.targets["qa.Comment"];
        const [one, two] = [ref(target, 1), ref(target, 2)];
        await enqueue({
          one,
          list: [two, one],
          map: new Map([["three", ref(target, 3)]]),
          set: new Set([one]),
        });
        await harness.update(harness.handle, "qa.Comment", 1, { body: "edited" });
        const before = harness.countQueries?.();
        await tester.drain();
        if (before !== undefined) assert.equal(harness.countQueries?.(), before + 1);
        const [payload] = seen as [
          { one: object; list: object[]; map: Map<string, object>; set: Set<object> },
        ];
        assert.equal(bodyOf(payload.one), "edited");
        assert.equal(payload.list[1], payload.one);
        assert.equal(payload.set.has(payload.one), true);
        assert.equal(bodyOf(payload.list[0]), "comment 2");
        assert.equal(bodyOf(payload.map.get("three")), "comment 3");
      }),
  },
  {
    name: "rows that know their model travel as references; one that was not saved is refused, with its path",
    skip: ({ adapter }) =>
      adapter.capabilities.recognisesRows === false ? "rows do not know their model" : undefined,
    run: (harness) =>
      withApp(harness, async ({ enqueue, tester, seen }) => {
        await insertComments(harness, [1]);
        const row = await loadOne(harness, "qa.Comment", 1);
        await enqueue({ list: [{ row }] });
        await harness.update(harness.handle, "qa.Comment", 1, { body: "edited" });
        await tester.drain();
        const [payload] = seen as [{ list: [{ row: object }] }];
        assert.equal(bodyOf(payload.list[0].row), "edited");
        if (harness.adapter.capabilities.recognisesRows !== "instances" || !harness.unsavedComment) return;
        await assert.rejects(
          enqueue({ list: [{ row: harness.unsavedComment() }] }),
          errorWith("ERR_PAYLOAD_REFUSED", "payload.list[0].row", "save it first"),
        );
      }),
  },
  {
    name: "what is enqueued in the ORM's own transaction is sent after its commit, and not after its rollback",
    skip: needs("transaction", "ownTransaction"),
    run: (harness) =>
      withApp(harness, async ({ app, enqueue, sent, tester, seen }) => {
        const { handle, insert, targets } = harness;
        await harness.ownTransaction!(handle, async (transaction) => {
          const [row] = await insert(transaction, "qa.Comment", [{ id: 1, body: "first" }]);
          await enqueue({ post: ref(targets["qa.Comment"], row!) });
          const nested = app.transaction(transaction as object, async (inner) => {
            await insert(inner, "qa.Comment", [{ id: 2, body: "second" }]);
            await enqueue({ post: ref(targets["qa.Comment"], 2) });
            throw new Error("this one alone");
          });
          if (harness.adapter.capabilities.lacks.savepoints === undefined)
            await assert.rejects(nested, /this one alone/);
          else await assert.rejects(nested);
          assert.equal(await sent(), 0);
        });
        assert.equal(await sent(), 1);
        await tester.drain();
        assert.equal(bodyOf((seen as [{ post: object }])[0].post), "first");
        const failing = harness.ownTransaction!(handle, async (transaction) => {
          await insert(transaction, "qa.Comment", [{ id: 3, body: "third" }]);
          await enqueue({ post: ref(targets["qa.Comment"], 3) });
          throw new Error("all of it");
        });
        await assert.rejects(failing, /all of it/);
        assert.equal(await sent(), 1);
      }),
  },
  {
    name: "a send that is given the handle of a transaction that is ended by hand waits for its end",
    skip: anyOf(needs("transaction"), needsPart("begin", "transactions that are ended by hand are not seen")),
    run: (harness) =>
      withApp(harness, async ({ enqueue, sent }) => {
        const committed = await harness.begin!();
        await harness.insert(committed.handle, "qa.Comment", [{ id: 1, body: "first" }]);
        await enqueue({ post: ref(harness.targets["qa.Comment"], 1) }, { transaction: committed.handle });
        assert.equal(await sent(), 0);
        await committed.commit();
        assert.equal(await sent(), 1);
        const undone = await harness.begin!();
        await enqueue({ post: ref(harness.targets["qa.Comment"], 1) }, { transaction: undone.handle });
        await undone.rollback();
        assert.equal(await sent(), 1);
      }),
  },
  {
    name: "a listener is called for each row that is saved, in its transaction, and what it enqueues is sent after the commit",
    skip: needs("transaction", "saveEvents"),
    run: (harness) =>
      withApp(harness, async ({ app, enqueue, sent, tester, seen }) => {
        const { handle, hooked, targets } = harness;
        const told: string[] = [];
        app.onSave(targets["qa.Comment"], (post, { operation }) => {
          told.push(`${operation} ${String(post.pk)}`);
          return enqueue({ post });
        });
        const when = (row: object): boolean => bodyOf(row) === "wanted";
        app.onSave(targets["qa.Comment"], ({ pk }) => told.push(`wanted ${String(pk)}`), {
          on: "insert",
          when,
        });
        const failing = app.transaction(handle, async (transaction) => {
          await hooked!.insert(transaction, "qa.Comment", { id: 1, body: "undone" });
          throw new Error("undone");
        });
        await assert.rejects(failing, /undone/);
        assert.deepEqual([await sent(), told.splice(0)], [0, ["insert 1"]]);

        const row = await app.transaction(handle, async (transaction) => {
          const inserted = await hooked!.insert(transaction, "qa.Comment", { id: 2, body: "wanted" });
          assert.equal(await sent(), 0);
          return inserted;
        });
        await tester.drain();
        assert.equal(bodyOf((seen as [{ post: object }])[0].post), "wanted");
        assert.deepEqual(told.splice(0), ["insert 2", "wanted 2"]);
        await hooked!.update(handle, "qa.Comment", row, { body: "changed" });
        assert.deepEqual([await sent(), told.splice(0)], [2, ["update 2"]]);
        await hooked!.delete(handle, "qa.Comment", row);
        assert.deepEqual(told, [], "a deletion is asked for by name");
      }),
  },
  {
    name: "a snapshot arrives as the row was: it can be compared, made a row of, and saved",
    run: (harness) =>
      withApp(harness, async ({ enqueue, tester, seen }) => {
        await insertPosts(harness, 1);
        const row = await loadOne(harness, "qa.Post", 1);
        const { id } = await enqueue({ was: snapshot(harness.targets["qa.Post"], row) });
        await harness.update(harness.handle, "qa.Post", 1, { title: "edited" });
        await tester.drain();
        const [{ was }] = seen as [{ was: Snapshot<{ title: string }> }];
        assert.ok(id);
        const now = await loadOne(harness, "qa.Post", 1);
        const title = was.diff(now).find(({ field }) => field === "title");
        assert.deepEqual(title, { field: "title", before: "post 1", after: "edited" });
        assert.deepEqual(was.diff(row), []);
        assert.equal(Reflect.get(was.entity, "title"), "post 1");
        await was.save();
        assert.equal(Reflect.get(await loadOne(harness, "qa.Post", 1), "title"), "post 1");
      }),
  },
  {
    name: "a database that cannot be reached puts a task off, and loses nothing",
    run: (harness) =>
      withApp(harness, async ({ enqueue, tester, seen, ended }) => {
        await insertComments(harness, [1]);
        const { id } = await enqueue({ post: new Reference("qa.Comment", 1) });
        await harness.breakDatabase();
        await tester.drain();
        assert.deepEqual(
          [await ended(id), seen.length],
          [{ state: "scheduled", code: "ERR_DATABASE_UNREACHABLE" }, 0],
        );
      }),
  },
];

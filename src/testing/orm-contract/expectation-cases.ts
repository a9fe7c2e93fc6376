/** The contract's rules about what a task expects of its rows. */
import assert from "node:assert/strict";
import { Reference, ref, type ReferenceOptions } from "../../model/ref.ts";
import { withApp } from "./app.ts";
import { type ContractModelName, type OrmContractCase, type OrmContractHarness, bodyOf } from "./harness.ts";
import { errorWith, needs } from "./needs.ts";
import { insertComments, insertPosts, loadOne } from "./rows.ts";

/** A model with a version, and one without: then a digest of its fields tells. */
const changing: readonly (readonly [ContractModelName, string])[] = [
  ["qa.Post", "title"],
  ["qa.Comment", "body"],
];

export const expectationCases: readonly OrmContractCase[] = [
  {
    name: "a row that is missing fails the task, skips it, is null or is waited for, as its reference says",
    run: (harness) =>
      withApp(harness, async ({ enqueue, tester, seen, ended }) => {
        const target = harness.targets["qa.Comment"];
        const send = (ifMissing: NonNullable<ReferenceOptions["ifMissing"]>) =>
          enqueue({ post: ref(target, 1, { ifMissing: ifMissing as "skip" }) });
        const [failed, skipped, given, waiting] = [
          await send("fail"),
          await send("skip"),
          await send("null"),
          await send("wait"),
        ];
        await tester.drain();
        assert.deepEqual(await ended(failed.id), { state: "failed", code: "ERR_ROW_MISSING" });
        assert.deepEqual(await ended(skipped.id), { state: "skipped", code: "ERR_ROW_MISSING" });
        assert.deepEqual(await ended(waiting.id), { state: "scheduled", code: "ERR_ROW_MISSING" });
        assert.equal((await ended(given.id)).state, "succeeded");
        assert.deepEqual(seen.splice(0), [{ post: null }]);
        await insertComments(harness, [1]);
        await tester.advance("30s");
        assert.equal((await ended(waiting.id)).state, "succeeded");
        assert.equal(bodyOf((seen as [{ post: object }])[0].post), "comment 1");

        const never = await enqueue({ post: ref(target, 2, { ifMissing: "wait" }) });
        await tester.advance("2m");
        assert.deepEqual(await ended(never.id), { state: "failed", code: "ERR_ROW_MISSING" });
      }),
  },
  {
    name: "a row that has changed runs, skips or fails the task, as its reference says; one that has not runs it",
    run: (harness) =>
      withApp(harness, async ({ enqueue, tester, ended }) => {
        await fill(harness);
        for (const [model, attribute] of changing) {
          const row = await loadOne(harness, model, 1);
          const send = (ifChanged: "run" | "skip" | "fail") =>
            enqueue({ post: ref(harness.targets[model], row, { ifChanged }) });
          const outcomes = async (): Promise<unknown[]> => {
            const handles = [await send("run"), await send("skip"), await send("fail")];
            await harness.update(harness.handle, model, 1, { [attribute]: `${attribute} is new` });
            await tester.drain();
            return Promise.all(handles.map(({ id }) => ended(id)));
          };
          assert.deepEqual(
            await outcomes(),
            [
              { state: "succeeded", code: undefined },
              { state: "skipped", code: "ERR_ROW_CHANGED" },
              { state: "failed", code: "ERR_ROW_CHANGED" },
            ],
            model,
          );
          const same = await loadOne(harness, model, 1);
          const unchanged = await enqueue({ post: ref(harness.targets[model], same, { ifChanged: "fail" }) });
          await tester.drain();
          assert.equal((await ended(unchanged.id)).state, "succeeded", model);
        }
      }),
  },
  {
    name: "a task's own ifChanged holds for references by key too: their versions are read at the send",
    run: (harness) =>
      withApp(
        harness,
        async ({ app, enqueue, tester, ended }) => {
          await fill(harness);
          for (const [model, attribute] of changing) {
            const post = new Reference(model, 1);
            const skipped = await enqueue({ post });
            await harness.update(harness.handle, model, 1, { [attribute]: `${attribute} is new` });
            await tester.drain();
            assert.deepEqual(await ended(skipped.id), { state: "skipped", code: "ERR_ROW_CHANGED" });
            const run = await enqueue({ post });
            await tester.drain();
            assert.equal((await ended(run.id)).state, "succeeded", model);
          }
          await assert.rejects(
            enqueue({ post: new Reference("qa.Comment", 99) }),
            errorWith("ERR_ROW_MISSING"),
          );
          if (harness.adapter.capabilities.lacks.transaction !== undefined) return;
          // In its transaction the row is there, and for nobody else.
          const { id } = await app.transaction(harness.handle, async (transaction) => {
            await harness.insert(transaction, "qa.Comment", [{ id: 5, body: "new" }]);
            return enqueue({ post: new Reference("qa.Comment", 5) });
          });
          await tester.drain();
          assert.equal((await ended(id)).state, "succeeded");
        },
        { task: { ifChanged: "skip" } },
      ),
  },
  {
    name: "a row that travels with its fields arrives fresh, and tells what has changed",
    async run(harness) {
      const drifts: unknown[] = [];
      await withApp(
        harness,
        async ({ enqueue, tester }) => {
          await insertPosts(harness, 1);
          const row = await loadOne(harness, "qa.Post", 1);
          await enqueue({ post: ref(harness.targets["qa.Post"], row, { drift: true }) });
          await tester.drain();
          await enqueue({ post: ref(harness.targets["qa.Post"], row, { drift: true }) });
          await harness.update(harness.handle, "qa.Post", 1, { title: "edited" });
          await tester.drain();
        },
        {
          handler: ({ post }: { post: object }, job) =>
            drifts.push([
              Reflect.get(post, "title"),
              job.drift(post).filter(({ field }) => field === "title"),
            ]),
        },
      );
      const change = { field: "title", before: "post 1", after: "edited" };
      assert.deepEqual(drifts, [
        ["post 1", []],
        ["edited", [change]],
      ]);
    },
  },
  {
    name: "a reference says which relations are loaded with its row",
    skip: needs("relations"),
    run: (harness) =>
      withApp(harness, async ({ enqueue, tester, seen }) => {
        await insertPosts(harness, 1);
        await enqueue({ post: ref(harness.targets["qa.Post"], 1, { with: ["author"] }) });
        await tester.drain();
        const [{ post }] = seen as [{ post: object }];
        assert.equal(Reflect.get(Reflect.get(post, "author") as object, "name"), "author 1");
      }),
  },
];

async function fill(harness: OrmContractHarness): Promise<void> {
  await insertPosts(harness, 1);
  await insertComments(harness, [1]);
}

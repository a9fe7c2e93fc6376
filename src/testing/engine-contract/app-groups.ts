import assert from "node:assert/strict";
import { withSides } from "./app.ts";
import { can, eventually, patience } from "./case.ts";
import type { ContractCase } from "./case.ts";

const timeout = patience;

/** What an app's groups are promised on the engine: their tasks are sent together, and each knows who has sent it. */
export const appGroupCases: readonly ContractCase[] = [
  {
    name: "sends a group together, and waits for all of its results",
    run: (engine, another) =>
      withSides(
        engine,
        another,
        (app) => ({
          app,
          double: app.task("double", (x: number) => 2 * x),
          fails: app.task(
            "fails",
            (why: string): never => {
              throw new RangeError(why);
            },
            { retry: { attempts: 1 } },
          ),
        }),
        async ({ tasks: { app, double, fails }, work }) => {
          const early = await app.group(double.signature(1), double.signature(2, { delay: 50 })).enqueue();
          await work();
          assert.deepEqual(await early.results({ timeout }), [2, 4]);
          const mixed = await app.group(double.signature(3), fails.signature("no")).enqueue();
          await assert.rejects(mixed.results({ timeout }), { code: "ERR_TASK_FAILED" });
          const [three, no] = await mixed.settled({ timeout });
          assert.deepEqual(three, { status: "fulfilled", value: 6 });
          assert.equal(no.status, "rejected");
          if (!can(engine, "sharedEnds")) return;
          const chains = [1, 2, 3].map((x) => app.chain(double.signature(x), double, double));
          assert.deepEqual(await (await app.group(...chains).enqueue()).results({ timeout }), [8, 16, 24]);
        },
      ),
  },
  {
    name: "tells each task of a group or a chain that a handler sends by whom, and with what it all began",
    run: async (engine, another) => {
      const runs = new Map<string, readonly [name: string, parent: string | undefined, root: string]>();
      const sent: { readonly group: readonly string[]; readonly chain: readonly string[] }[] = [];
      await withSides(
        engine,
        another,
        (app) => {
          const note = app.task("note", (name: string, job): string => {
            runs.set(job.id, [name, job.parent, job.root]);
            return `${name}, after that`;
          });
          const sender = app.task("sender", async (name: string, job) => {
            runs.set(job.id, [name, job.parent, job.root]);
            const group = await app
              .group(note.signature("one"), app.chain(note.signature("two"), note))
              .enqueue();
            const [{ id }, { ids }] = group.handles;
            const chain = await app.chain(note, note.signature("given")).enqueue("begin");
            sent.push({ group: [id, ...ids], chain: chain.ids });
          });
          return { app, sender, note };
        },
        async ({ tasks: { app, sender, note }, work }) => {
          const top = await app.group(note.signature("alone"), sender.signature("at the top")).enqueue();
          await work();
          await eventually(() => runs.size === 7 && sent.length === 1, "all of the first");
          const [alone, first] = top.handles.map(({ id }) => id) as [string, string];
          const [{ group, chain }] = sent.splice(0) as [(typeof sent)[number]];
          assert.deepEqual(Object.fromEntries(runs), {
            [alone]: ["alone", undefined, alone],
            [first]: ["at the top", undefined, first],
            [group[0]!]: ["one", first, first],
            [group[1]!]: ["two", first, first],
            [group[2]!]: ["two, after that", group[1], first],
            [chain[0]!]: ["begin", first, first],
            [chain[1]!]: ["given", chain[0], first],
          });
          runs.clear();
          // The one that sends has been sent by another.
          const { ids } = await app.chain(note, sender).enqueue("before");
          await eventually(() => runs.size === 7 && sent.length === 1, "all of the second");
          const [root, parent] = ids as readonly string[] as [string, string];
          const [later] = sent as [(typeof sent)[number]];
          assert.deepEqual(Object.fromEntries(runs), {
            [root]: ["before", undefined, root],
            [parent]: ["before, after that", root, root],
            [later.group[0]!]: ["one", parent, root],
            [later.group[1]!]: ["two", parent, root],
            [later.group[2]!]: ["two, after that", later.group[1], root],
            [later.chain[0]!]: ["begin", parent, root],
            [later.chain[1]!]: ["given", later.chain[0], root],
          });
        },
      );
    },
  },
];

/** A deploy is rolled: web processes and workers of an old and a new release, together on one file. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { sqlite } from "../src/engine/sqlite.ts";
import type { Engine } from "../src/engine.ts";
import { Setting, until, type Running } from "./fixtures/cli/processes.ts";
import { read, type Release, type Seen, type Sent } from "./fixtures/deploy/ledger.ts";

let setting: Setting;
let engine: Engine;

beforeEach(() => {
  setting = new Setting();
  engine = sqlite(setting.file);
});

afterEach(async () => {
  await engine.close();
  await setting.close();
});

const web = (release: Release): Running => setting.node("../deploy/web.ts", [release]);

async function worker(release: Release): Promise<Running> {
  const running = setting.start(["worker", `../deploy/${release}.ts`, "--concurrency", "4"]);
  await running.says("is ready");
  return running;
}

async function stop(running: Running): Promise<void> {
  running.signal("SIGTERM");
  expect(await running.ended).toMatchObject({ code: 0, signal: null });
}

/** So many rounds more than it has done so far. */
async function goesOn(running: Running, rounds: number): Promise<void> {
  const done = running.output.split("\n").length - 1;
  await running.says(`round ${done + rounds}.`);
}

async function counts(): Promise<Record<string, number>> {
  return Object.fromEntries((await engine.counts()).map(({ state, count }) => [state, count]));
}

/** What a handler of a release must see of a task; undefined when it must not run it. */
function expected({ task, release, n }: Sent, ranBy: Release): unknown {
  const isNew = ranBy === "new";
  // What only the new release can have written, only it can read.
  if (!isNew && release === "new" && task !== "posts.index") return undefined;
  const money = isNew ? `${n} ${release === "new" ? "USD" : "EUR"}` : `${n} cents`;
  switch (task) {
    case "posts.index":
      return [n, n];
    case "posts.notify":
      if (!isNew) return [`user ${n}`, money];
      return [release === "new" ? [`user ${n}`, "all"] : [`user ${n}`], money];
    case "posts.tell":
    case "posts.announce":
      return `text ${n}`;
    case "shop.charge":
      return [["one", money]];
    case "shop.ship":
      return isNew ? `mail to street ${n}` : `to street ${n}`;
    default:
      return `C${n} until ${n}`;
  }
}

test("no task is lost, and none misread", { timeout: 120_000 }, async () => {
  const oldWorker = await worker("old");
  const oldWeb = web("old");
  await goesOn(oldWeb, 10);

  // The new release arrives, web processes first: what they send waits, parked, before there is any who knows it.
  const newWeb = web("new");
  await until(
    "what the old worker does not know is parked",
    async () => ((await counts())["parked"] ?? 0) > 30,
  );

  // Its worker comes, and picks that up by itself.
  const newWorker = await worker("new");
  await Promise.all([goesOn(oldWeb, 25), goesOn(newWeb, 25)]);

  // The old release goes.
  await stop(oldWorker);
  await goesOn(oldWeb, 10);
  await stop(oldWeb);
  await goesOn(newWeb, 10);
  await stop(newWeb);
  const sent = read<Sent>(setting.folder, "sent");
  await until("all have run", async () => (await counts())["succeeded"] === sent.length, 60_000);
  expect(await counts()).toStrictEqual({ succeeded: sent.length });
  await stop(newWorker);

  // Each ran once, by a release that knows it, and saw what it should.
  const seen = read<Seen>(setting.folder, "seen");
  expect(sent.length).toBeGreaterThan(400);
  expect(seen.map(({ id }) => id).sort()).toStrictEqual(sent.map(({ id }) => id).sort());
  const sentAs = new Map(sent.map((each) => [each.id, each]));
  for (const { id, release, data } of seen)
    expect([sentAs.get(id), release, data]).toStrictEqual([
      sentAs.get(id),
      release,
      expected(sentAs.get(id)!, release),
    ]);

  // All that can happen has: each kind went every way that there is.
  const ways = new Set(
    seen.map(({ id, release }) => `${sentAs.get(id)!.task}: ${sentAs.get(id)!.release} to ${release}`),
  );
  expect([...ways].sort()).toStrictEqual([
    "posts.announce: new to new",
    "posts.index: new to new",
    "posts.index: new to old",
    "posts.index: old to new",
    "posts.index: old to old",
    "posts.notify: new to new",
    "posts.notify: old to new",
    "posts.notify: old to old",
    "posts.tell: old to new",
    "posts.tell: old to old",
    "shop.charge: new to new",
    "shop.charge: old to new",
    "shop.charge: old to old",
    "shop.redeem: new to new",
    "shop.ship: new to new",
    "shop.ship: old to new",
    "shop.ship: old to old",
  ]);
  expect(new Set(seen.filter(({ release }) => release === "new").map(({ task }) => task))).not.toContain(
    "posts.tell",
  );

  // The old worker met what it did not know, each once; the new one met nothing of the kind.
  const parked = [...oldWorker.errors.matchAll(/\(([\w-]+)\): park: /g)].map(([, id]) => id);
  expect(parked.length).toBeGreaterThan(30);
  expect(new Set(parked).size).toBe(parked.length);
  expect(newWorker.errors).not.toContain("park");
});

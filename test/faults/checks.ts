/** What must hold of every task, whatever happened. @module */
import { setTimeout as sleep } from "node:timers/promises";
import type { Engine, TaskRecord } from "../../src/engine.ts";
import type { Done } from "./app.ts";
import type { Effect, Effects, Settled } from "./effects.ts";
import type { Outcome } from "./fault.ts";

/** So many are looked up at a time. */
const atOnce = 50;

/** So many problems of one kind are told. */
const told = 5;

/**
 * Looks up every task that was accepted.
 *
 * @param accepted ids by number
 * @param range the numbers that may have effects
 */
export async function checked(
  engine: Engine,
  effects: Effects,
  accepted: ReadonlyMap<number, string>,
  { from, below }: { readonly from: number; readonly below: number },
): Promise<Pick<Outcome, "sent" | "done" | "lost" | "repeated" | "problems">> {
  const runs = Map.groupBy(effects.of(from, below), ({ number }) => number);
  const ends = Map.groupBy(effects.settledOf(from, below), ({ number }) => number);
  const lost: string[] = [];
  const late: string[] = [];
  const check = (number: number, id: string, record: TaskRecord | undefined): void => {
    const seen = runs.get(number) ?? [];
    if (record?.state !== "succeeded" || seen.length === 0) {
      const state = record ? `${record.state} ${record.reason?.message ?? ""}` : "unknown to the engine";
      lost.push(`task ${number} (${id}) is ${state}, and had ${seen.length} effects`);
      return;
    }
    const wrong = wrongWith(record, seen, ends.get(number) ?? []);
    if (wrong !== undefined) late.push(`task ${number} (${id}): ${wrong}`);
  };
  const all = [...accepted];
  for (let index = 0; index < all.length; index += atOnce) {
    const some = all.slice(index, index + atOnce);
    const records = await Promise.all(some.map(([, id]) => find(engine, id)));
    for (const [offset, [number, id]] of some.entries()) check(number, id, records[offset]);
  }
  const strangers = [...runs.keys()].filter((number) => !accepted.has(number));
  return {
    sent: accepted.size,
    done: accepted.size - lost.length,
    lost: lost.length,
    repeated: [...runs.values()].reduce((sum, { length }) => sum + length - 1, 0),
    problems: [
      ...lost.slice(0, told).map((text) => `lost: ${text}`),
      ...late.slice(0, told).map((text) => `a late result was accepted: ${text}`),
      ...strangers.slice(0, told).map((number) => `task ${number} ran, and was not accepted`),
    ],
  };
}

/** Looks one up. What a fault has prepared may cut the connection only now: what is only read is read again. */
async function find(engine: Engine, id: string): Promise<TaskRecord | undefined> {
  for (let tries = 1; ; tries++) {
    try {
      return await engine.find(id);
    } catch (error) {
      if (tries === 20) throw error;
      await sleep(100);
    }
  }
}

/** A task ends once: by a run that had its effect, and whose worker was told that it was accepted. */
function wrongWith(
  { result }: TaskRecord,
  seen: readonly Effect[],
  ends: readonly Settled[],
): string | undefined {
  const { run } = JSON.parse(result ?? "null") as Done;
  const own = seen.find((effect) => effect.run === run);
  if (!own) return `its result is of a run ${run}, which had no effect`;
  // Whoever has a task next has it because the one before has lost it.
  const last = Math.max(...seen.map(({ turn }) => turn));
  if (own.turn < last) return `its result is of run ${run}, which had lost it to another that ran as well`;
  const accepted = new Set(ends.filter((end) => end.accepted).map((end) => end.run));
  if (accepted.size > 1) return `${accepted.size} runs were told that their results were accepted`;
  // A worker that is killed in between cannot say so.
  if (accepted.size === 1 && !accepted.has(run)) return `its result is of run ${run}, which was refused`;
  return undefined;
}

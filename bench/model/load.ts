/** Rows of references, beside the same rows by a query of the ORM's own. @module */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { type Reference, loadReferences } from "petiole/model";
import { type Effort, median, speed } from "../measure.ts";
import type { Row } from "../row.ts";
import { type Dialect, type OpenedOrm, type OrmCase, type Table, forEachTable, tables } from "./case.ts";
import { allReferences, ids, text, textByHand, wire } from "./payload.ts";
import { inPairs } from "./timing.ts";

/** The least of the speed of a query by hand that is asked for. */
const bar = 0.8;

export interface Loading {
  readonly name: string;
  /** Statements of a load, and of the first, which may ask for more. */
  readonly queries: number;
  readonly firstQueries: number;
  readonly rows: readonly Row[];
}

/** Measures one ORM on one database. */
export async function measureLoading(
  orm: OrmCase,
  name: string,
  dialect: Dialect,
  place: string,
  effort: Effort,
): Promise<Loading> {
  const [firstQueries, queries] = await countQueries(orm, dialect, place);
  const opened = await orm.open(dialect, place);
  try {
    await check(opened);
    const peer = orm.nameOn[dialect];
    const load = await compare(
      () => ours(opened),
      () => byHand(opened),
      effort,
    );
    const run = await compare(
      () => ourRun(opened),
      () => runByHand(opened),
      effort,
    );
    const shared = { case: `${name}, ${dialect}`, peer } as const;
    const count = Object.keys(tables).length;
    return {
      name: shared.case,
      queries,
      firstQueries,
      rows: [
        { ...shared, metric: "load", ...load, bar },
        { ...shared, metric: "decode and load", ...run, bar: null },
        {
          ...shared,
          metric: "queries",
          ours: queries,
          theirs: count,
          unit: "queries",
          ratio: queries / count,
          bar: 1,
          lowerIsBetter: true,
        },
      ],
    };
  } finally {
    await opened.close();
  }
}

const ours = ({ adapter }: OpenedOrm) => loadReferences([adapter], allReferences);

async function byHand({ find }: OpenedOrm): Promise<Record<Table, readonly object[]>> {
  const [questions, answers, comments] = await Promise.all([
    find.questions(ids.questions),
    find.answers(ids.answers),
    find.comments(ids.comments),
  ]);
  return { questions, answers, comments };
}

/** From the text that was sent to rows in the places of their references. */
async function ourRun({ adapter }: OpenedOrm): Promise<Record<Table, (object | undefined)[]>> {
  const references = wire.decode(text) as Record<Table, Reference[]>;
  const { questions, answers, comments } = references;
  const rows = await loadReferences([adapter], [...questions, ...answers, ...comments]);
  return forEachTable((table) => references[table].map((reference) => rows.rowOf(reference)));
}

async function runByHand({ find }: OpenedOrm): Promise<Record<Table, (object | undefined)[]>> {
  const sent = JSON.parse(textByHand) as typeof ids;
  const found = await Promise.all([
    find.questions(sent.questions),
    find.answers(sent.answers),
    find.comments(sent.comments),
  ]);
  const placed = (table: Table, rows: readonly object[]) => {
    const byId = new Map(rows.map((row) => [idOf(row), row]));
    return sent[table].map((id) => byId.get(id));
  };
  return {
    questions: placed("questions", found[0]),
    answers: placed("answers", found[1]),
    comments: placed("comments", found[2]),
  };
}

function idOf(row: object): number {
  return (row as { id: number }).id;
}

async function countQueries(orm: OrmCase, dialect: Dialect, place: string): Promise<[number, number]> {
  let count = 0;
  const opened = await orm.open(dialect, place, () => void count++);
  try {
    // What opening it asks is not of the load.
    await byHand(opened);
    const loads: number[] = [];
    for (let load = 0; load < 2; load++) {
      count = 0;
      await ours(opened);
      loads.push(count);
    }
    return [loads[0]!, loads[1]!];
  } finally {
    await opened.close();
  }
}

/** Whether both give the same rows, as objects of the same kind. */
async function check(opened: OpenedOrm): Promise<void> {
  const rows = await ours(opened);
  strictEqual(rows.missing.length, 0);
  deepStrictEqual(await ourRun(opened), await runByHand(opened));
}

async function compare(mine: () => Promise<unknown>, theirs: () => Promise<unknown>, effort: Effort) {
  const [own, other] = await inPairs([mine, theirs], effort);
  return {
    ours: median(own) * 1000,
    theirs: median(other) * 1000,
    unit: "µs",
    ratio: speed(own, other),
    lowerIsBetter: false,
  } as const;
}

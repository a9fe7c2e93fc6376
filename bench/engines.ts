/** `npm run bench:engines`: Petiole on each of its engines, beside the raw engines and others. See README.md. */
import { parseArgs } from "node:util";
import { cases } from "./engines/cases.ts";
import { block } from "./engines/print.ts";
import { Stores, whyMissing } from "./engines/stores.ts";
import { type Row, isMet, writeRows } from "./row.ts";

const engines = [...new Set(Object.values(cases).map(({ engine }) => engine))];
const { values: options } = parseArgs({
  options: {
    json: { type: "string" },
    case: { type: "string", default: Object.keys(cases).join(",") },
    engine: { type: "string", default: engines.join(",") },
    quick: { type: "boolean", default: false },
  },
});

function wanted(text: string, what: string, all: readonly string[]): string[] {
  const names = text.split(",");
  const unknown = names.find((name) => !all.includes(name));
  if (unknown === undefined) return names;
  console.error(`There is no ${what} ${unknown}; there are ${all.join(", ")}.`);
  process.exit(2);
}

const names = wanted(options.case, "case", Object.keys(cases));
const ours = wanted(options.engine, "engine", engines);

// An end by a signal is an exit, with which the servers end.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));

const stores = new Stores();
const rows: Row[] = [];
try {
  for (const name of names) {
    const { engine, title, stores: kinds, notes, whyNot, run } = cases[name]!;
    if (!ours.includes(engine)) continue;
    const why = kinds.map(whyMissing).find((why) => why !== undefined) ?? (await whyNot?.(stores));
    if (why !== undefined) {
      console.log(`${title}\nleft out: ${why}\n`);
      continue;
    }
    const found = await run(stores, options.quick);
    rows.push(...found);
    // What was found is there also when the rest is given up.
    if (options.json !== undefined) writeRows(options.json, rows);
    console.log(block(title, found, notes));
  }
} finally {
  await stores.close();
}

const asked = rows.filter(({ bar }) => bar !== null);
const missed = asked.filter((row) => !isMet(row));
console.log(`asked of ours: ${asked.length - missed.length} of ${asked.length} met`);
for (const { case: name, metric, ratio, bar, lowerIsBetter } of missed)
  console.log(`${name}: ${metric} ${ratio.toFixed(2)} is NOT ${lowerIsBetter ? "≤" : "≥"} ${bar}`);
if (options.json !== undefined) writeRows(options.json, rows);

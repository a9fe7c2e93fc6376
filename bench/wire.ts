/** `npm run bench:wire`: the codec and its peers against plain JSON. See README.md. */
import { parseArgs } from "node:util";
import { fullEffort, quickEffort } from "./measure.ts";
import { writeRows, type Row } from "./row.ts";
import { cases, type CaseName } from "./wire/cases.ts";
import { compare } from "./wire/compare.ts";
import { limit } from "./wire/contender.ts";
import { block } from "./wire/print.ts";

const { values: options } = parseArgs({
  options: {
    json: { type: "string" },
    case: { type: "string", default: Object.keys(cases).join(",") },
    quick: { type: "boolean", default: false },
  },
});
const chosen = options.case.split(",");
for (const name of chosen) {
  if (!Object.hasOwn(cases, name)) {
    console.error(`There is no case ${name}; there are ${Object.keys(cases).join(", ")}.`);
    process.exit(2);
  }
}
const rows: Row[] = [];
for (const name of chosen as CaseName[]) {
  const comparison = compare(name, [limit(name)], options.quick ? quickEffort : fullEffort);
  console.log(block(name, comparison));
  rows.push(...comparison.rows);
}
if (options.json !== undefined) writeRows(options.json, rows);

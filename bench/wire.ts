/** `npm run bench:wire`: the codec and its peers, against plain JSON. See README.md. */
import { parseArgs } from "node:util";
import { fullEffort, quickEffort } from "./measure.ts";
import { writeRows, type Row } from "./row.ts";
import { cases, type CaseName } from "./wire/cases.ts";
import { compare } from "./wire/compare.ts";
import { limit, type Contender } from "./wire/contender.ts";
import { peers } from "./wire/peers.ts";
import { block, type Absent } from "./wire/print.ts";

const { values: options } = parseArgs({
  options: {
    json: { type: "string" },
    case: { type: "string", default: Object.keys(cases).join(",") },
    peer: { type: "string", default: "" },
    quick: { type: "boolean", default: false },
  },
});

const names = options.case.split(",");
const unknown = names.find((name) => !Object.hasOwn(cases, name));
if (unknown !== undefined) {
  console.error(`There is no case ${unknown}; there are ${Object.keys(cases).join(", ")}.`);
  process.exit(2);
}
const chosen = peers.filter(({ name }) => options.peer.split(",").some((part) => name.includes(part)));

const rows: Row[] = [];
for (const name of names as CaseName[]) {
  const others: Contender[] = [limit(name)];
  const absent: Absent[] = [];
  for (const peer of chosen) {
    const part = peer.parts[name];
    if (typeof part === "string") absent.push({ name: peer.name, reason: part });
    else others.push({ name: peer.name, ...part });
  }
  const comparison = compare(name, others, options.quick ? quickEffort : fullEffort);
  console.log(block(name, comparison, absent));
  rows.push(...comparison.rows);
}
if (options.json !== undefined) writeRows(options.json, rows);

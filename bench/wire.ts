/** `npm run bench:wire`: the codec and its peers, against plain JSON. See README.md. */
import { parseArgs } from "node:util";
import { fullEffort, quickEffort, warmUp } from "./measure.ts";
import { writeRows, type Row } from "./row.ts";
import { cases, type CaseName } from "./wire/cases.ts";
import { compare } from "./wire/compare.ts";
import { lineup } from "./wire/lineup.ts";
import { peers } from "./wire/peers.ts";
import { block } from "./wire/print.ts";

const all = Object.keys(cases) as CaseName[];
const { values: options } = parseArgs({
  options: {
    json: { type: "string" },
    case: { type: "string", default: all.join(",") },
    peer: { type: "string", default: "" },
    quick: { type: "boolean", default: false },
  },
});
const wanted = options.case.split(",");
const unknown = wanted.find((name) => !Object.hasOwn(cases, name));
if (unknown !== undefined) {
  console.error(`There is no case ${unknown}; there are ${all.join(", ")}.`);
  process.exit(2);
}
const effort = options.quick ? quickEffort : fullEffort;
const parts = options.peer.split(",");
const met = peers.filter(({ name }) => parts.some((part) => name.includes(part)));

// Everyone has seen all five before any is timed, as in a process that sends more than one kind of thing. And so
// the figures do not depend on which cases are asked for.
const lineups = new Map(all.map((name) => [name, lineup(name, met)]));
for (const { json, ours, others } of lineups.values()) {
  warmUp(
    [json, ours, ...others].flatMap(({ encode, decode }) => [encode, decode]),
    { ...effort, warmUpMs: effort.warmUpMs / 5 },
  );
}

const rows: Row[] = [];
for (const name of wanted as CaseName[]) {
  const comparison = compare(name, lineups.get(name)!, effort);
  console.log(block(name, comparison, lineups.get(name)!.absent));
  rows.push(...comparison.rows);
}
if (options.json !== undefined) writeRows(options.json, rows);

/** Starts a Django site, a site in TypeScript and a worker of each language; with `--once`, plays a person and ends. */
import { parseArgs } from "node:util";
import { missing, Processes } from "./processes.ts";
import { rehearse } from "./rehearsal.ts";

const { values } = parseArgs({ options: { once: { type: "boolean", default: false } } });
const processes = new Processes();
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.once(signal, () => void processes.stop().then(() => process.exit(values.once ? 1 : 0)));
}

try {
  if (missing !== undefined) throw new Error(missing);
  const { django, typescript } = await processes.start();
  console.log(`Django ${django}\nTypeScript ${typescript}`);
  if (values.once) {
    const problems = await rehearse(django, typescript);
    for (const problem of problems) console.error(problem);
    await processes.stop();
    console.log(problems.length === 0 ? "All of it was done." : `${problems.length} things were not done.`);
    process.exitCode = problems.length === 0 ? 0 : 1;
  } else {
    console.log("Ask in Django, flag in TypeScript. Ctrl-C stops everything.");
  }
} catch (error) {
  console.error(error);
  await processes.stop();
  process.exitCode = 1;
}

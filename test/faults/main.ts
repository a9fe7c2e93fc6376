/**
 * Does faults to engines: `npm run test:faults -- --engine NAME --tasks N --fault NAME --seed N --short --verbose`.
 *
 * One line for each engine. Ends with 1 when a task was lost, a late result accepted, or anything else was not as it
 * must be; with 2 for options that it does not know.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { engineNames, loadEngine } from "./engines.ts";
import { isGood, lineOf } from "./report.ts";
import { faults, runFaults } from "./suite.ts";

const usage = `node test/faults/main.ts [options]
  --engine NAME  one of ${engineNames.join(", ")}; more than once for several. All unless told
  --fault NAME   one of ${faults.map(({ name }) => name).join(", ")}; more than once for several. All unless told
  --tasks N      over all faults, for each engine; 10000 unless told
  --seed N       for the random moments; another each time unless told
  --short        less of everything
  --verbose      a line for each fault
`;

function optionsOrRefuse() {
  try {
    const { values } = parseArgs({
      options: {
        engine: { type: "string", multiple: true, default: [...engineNames] },
        fault: { type: "string", multiple: true },
        tasks: { type: "string" },
        seed: { type: "string" },
        short: { type: "boolean", default: false },
        verbose: { type: "boolean", default: false },
      },
    });
    refuseUnknown("engine", values.engine, engineNames);
    const names = faults.map(({ name }) => name);
    refuseUnknown("fault", values.fault ?? [], names);
    return {
      engines: values.engine,
      only: values.fault ?? names,
      tasks: wholeNumber("tasks", values.tasks ?? "10000"),
      seed: wholeNumber("seed", values.seed ?? String(Math.floor(Math.random() * 1e6))),
      isShort: values.short,
      isVerbose: values.verbose,
    };
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    process.exit(2);
  }
}

function refuseUnknown(option: string, given: readonly string[], known: readonly string[]): void {
  for (const name of given) {
    if (!known.includes(name))
      throw new Error(`--${option} must be one of ${known.join(", ")}, received ${name}`);
  }
}

function wholeNumber(option: string, text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number > 0) return number;
  throw new Error(`--${option} must be a whole number above 0, received ${text}`);
}

const { engines, only, tasks, seed, isShort, isVerbose } = optionsOrRefuse();
const stopping = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    stopping.abort(new Error(`${signal}: stopped before the end`));
    // Whoever does not heed it is ended with this process.
    setTimeout(() => process.exit(130), 5000).unref();
  });
}

console.log(`seed ${seed}`);
for (const engine of engines) {
  const { missing } = await loadEngine(engine);
  if (missing !== undefined) {
    console.log(`${engine}: left out: ${missing}`);
    // Where everything is to be tested, what is missing is a failure.
    if (process.env["CI"]) process.exitCode = 1;
    continue;
  }
  try {
    const tell = (fault: string, result: Parameters<typeof lineOf>[1] | string): void => {
      if (!isVerbose) return;
      if (typeof result === "string") console.log(`  ${fault}: left out: ${result}`);
      else console.log(`  ${lineOf(fault, result)}`);
    };
    const outcome = await runFaults({
      engine,
      tasks,
      seed,
      only,
      isShort,
      signal: stopping.signal,
      tell,
    });
    console.log(lineOf(engine, outcome));
    for (const problem of outcome.problems) console.log(`  ${problem}`);
    if (!isGood(outcome)) process.exitCode = 1;
  } catch (error) {
    console.error(`${engine}:`, stopping.signal.aborted ? String(stopping.signal.reason) : error);
    process.exitCode = stopping.signal.aborted ? 130 : 1;
    if (stopping.signal.aborted) break;
  }
}

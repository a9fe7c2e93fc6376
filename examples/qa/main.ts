/**
 * The main job. Starts the web process and a worker process and, with `--once`, plays a person who posts, a
 * machine that fails in the middle, and an auditor who counts.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Processes } from "./processes.ts";
import { rehearse } from "./rehearsal.ts";

const { values } = parseArgs({ options: { once: { type: "boolean", default: false } } });
const folder = values.once ? mkdtempSync(join(tmpdir(), "petiole-qa-")) : ".example";
mkdirSync(folder, { recursive: true });
// Slower than life with --once, so that there is a middle to be killed in.
const processes = new Processes({
  QA_FOLDER: folder,
  ...(values.once ? { QA_INDEX_MILLISECONDS: "200" } : {}),
});

async function stop(): Promise<void> {
  await processes.stopAll();
  if (values.once) rmSync(folder, { recursive: true, force: true });
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.once(signal, () => void stop().then(() => process.exit(values.once ? 1 : 0)));
}

try {
  const { url } = await processes.startWeb(values.once ? 0 : Number(process.env["PORT"] ?? 3000));
  const worker = await processes.startWorker();
  console.log(`web ${url}`);
  if (values.once) {
    const { sent, done, problems } = await rehearse(url, worker, processes);
    for (const problem of problems) console.error(problem);
    await stop();
    console.log(`sent ${sent}, done ${done}, lost ${sent - done}`);
    process.exitCode = problems.length === 0 && sent === done ? 0 : 1;
  } else {
    console.log("Post something there, and watch it being indexed. Ctrl-C stops both processes.");
  }
} catch (error) {
  console.error(error);
  await stop();
  process.exitCode = 1;
}

/** Takes the picture of the page that docs/example.md shows: `node examples/qa/screenshot.ts`. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openChromium } from "./chromium.ts";
import { Processes } from "./processes.ts";
import { Visitor } from "./visitor.ts";

const file = fileURLToPath(new URL("../../docs/images/example.png", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "petiole-qa-"));
const processes = new Processes({ QA_FOLDER: folder, QA_INDEX_MILLISECONDS: "1500" });

try {
  const { url } = await processes.startWeb(0);
  const visitor = new Visitor(url);
  await visitor.submit("questions", {
    title: "What is a petiole?",
    body: "I know the blade of a leaf, and the stem. What is it that joins the two?",
  });
  const about = { aboutModel: "qa.Answer", aboutId: "1" };
  await visitor.submit("answers", {
    questionId: "1",
    body: "The stalk. It carries what the leaf makes to the plant; in celery it is the part that we eat.",
  });
  await visitor.submit("comments", { ...about, body: "Nonsense, everybody knows that celery is a root!" });
  await visitor.submit("comments/flag", { id: "1" });
  await visitor.submit("comments/edit", { id: "1", body: "Thanks, I had mixed it up with celeriac." });
  const worker = await processes.startWorker();

  const browser = await openChromium();
  const context = await browser.newContext({ viewport: { width: 840, height: 400 }, deviceScaleFactor: 1.5 });
  const page = await context.newPage();
  await page.goto(url);
  const badge = (state: string) => page.locator(`[data-post][data-state="${state}"]`);
  await badge("indexed").nth(2).waitFor();
  await processes.stop(worker);
  await visitor.submit("comments", { ...about, body: "And in rhubarb." });
  await processes.startWorker();
  await badge("running").getByText("counting").waitFor();
  mkdirSync(new URL(".", `file://${file}`), { recursive: true });
  await page.screenshot({ path: file, fullPage: true });
  await browser.close();
  console.log(`wrote ${file}`);
} finally {
  await processes.stopAll();
  rmSync(folder, { recursive: true, force: true });
}

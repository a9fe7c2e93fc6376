/** The wire in a real browser: in a page that forbids eval, and in a Web Worker of it. */
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { chromiumPath, hasChromium, openChromium } from "../examples/qa/chromium.ts";
import { bundle } from "../scripts/bundle.ts";
import { refusedKinds } from "./fixtures/everywhere/kinds.ts";
import type { PageReport } from "./fixtures/everywhere/page.ts";
import { run, type Report } from "./fixtures/everywhere/run.ts";
import { Site } from "./fixtures/site.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const here = run({});
let browser: Browser | undefined;
let report: PageReport;

/** One module with all that it imports, as a page is served it. */
async function built(file: string): Promise<string> {
  const { code, imports, warnings } = await bundle(root, `test/fixtures/everywhere/${file}`);
  expect({ imports, warnings }).toEqual({ imports: [], warnings: [] });
  return code;
}

beforeAll(async () => {
  // Where everything is to be tested, a browser that is missing is a failure: opening it says so.
  if (!hasChromium && !process.env["CI"]) return;
  browser = await openChromium();
  const site = await Site.open({
    "/": '<!doctype html><title>the wire</title><body><script type="module" src="/page.js"></script>',
    "/page.js": await built("page.ts"),
    "/worker.js": await built("worker.ts"),
    "/texts": JSON.stringify(here.texts),
  });
  try {
    const page = await browser.newPage();
    const failed = new Promise<never>((_resolve, reject) => page.once("pageerror", reject));
    await page.goto(site.url);
    report = JSON.parse(await Promise.race([site.reported(), failed])) as PageReport;
  } finally {
    await site.close();
  }
}, 60_000);

afterAll(() => browser?.close());

/** What is refused as yet, of what there is. */
function refusedOf({ lacking }: Report): string[] {
  return refusedKinds.filter((name) => !lacking.includes(name));
}

test("here, in Node, every kind makes the way there and back", () => {
  expect(here.problems).toEqual([]);
  expect(here.refused).toEqual(refusedOf(here));
});

test.for(["page", "worker"] as const)(
  "in a %s that forbids eval, what comes and goes is the same",
  (place, context) => {
    context.skip(!browser, `there is no ${chromiumPath}: bash scripts/setup-services.sh installs it`);
    const there = report[place];
    expect({ evaluates: there.evaluates, ofNode: there.ofNode }).toEqual({ evaluates: [], ofNode: [] });
    expect(report.trustsText).toBe(false);

    expect(there.problems).toEqual([]);
    // Only Node has it.
    expect(there.lacking).toEqual(["Buffer"]);
    expect(there.refused).toEqual(refusedOf(there));
    // Byte for byte, of what both have; and what is read from here is written there again as it was.
    const names = Object.keys(here.texts).filter((name) => !there.lacking.includes(name));
    expect(names.length).toBeGreaterThan(20);
    expect(Object.fromEntries(names.map((name) => [name, there.texts[name]]))).toEqual(
      Object.fromEntries(names.map((name) => [name, here.texts[name]])),
    );
    expect(there.read).toBe(names.length);
    // And back: what was written there is read here.
    const back = run(there.texts);
    expect(back.problems).toEqual([]);
    expect(back.read).toBe(names.length);
  },
);

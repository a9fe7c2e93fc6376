/** The example in a real browser. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { chromiumPath, hasChromium } from "../examples/qa/chromium.ts";
import { ask, isLive, Stage } from "../examples/qa/stage.ts";

let stage: Stage;

beforeAll(async () => {
  // Where everything is to be tested, a browser that is missing is a failure: opening it says so.
  if (hasChromium || process.env["CI"]) stage = await Stage.open();
});

beforeEach((context) => {
  context.skip(!stage, `there is no ${chromiumPath}: bash scripts/setup-services.sh installs it`);
});

afterEach(async () => {
  await stage.leave();
  expect(stage.errors).toEqual([]);
});

afterAll(() => stage?.close());

/** From now on, notes every text that a badge shows. Text, for what runs in the browser has other types. */
const noteBadges = `
  window.seen = [];
  new MutationObserver(() => {
    for (const badge of document.querySelectorAll(".state")) window.seen.push(badge.textContent.trim());
  }).observe(document.body, { subtree: true, childList: true });
`;

test("a question shows its progress and its end without a reload, in every browser", async () => {
  expect(await stage.stopWorker()).toBe(true);
  const [asking, looking] = await Promise.all([stage.visit(), stage.visit()]);
  const question = await ask(asking, "What is a petiole?", "I looked at a petiole of celery");
  await isLive(asking);
  const badge = question.locator(":scope > .line > .state");
  expect(await badge.textContent()).toBe("waiting");
  const seenByOther = looking.getByRole("article", { name: "What is a petiole?" });
  await seenByOther.getByText("waiting").waitFor();

  let navigations = 0;
  for (const page of [asking, looking]) {
    page.on("framenavigated", () => navigations++);
    await page.evaluate(noteBadges);
  }
  await stage.startWorker();
  for (const page of [asking, looking]) {
    const indexed = "indexed: 12 words, 9,007,199,254,741,029 points";
    await page.getByRole("article", { name: "What is a petiole?" }).getByText(indexed).waitFor();
    const seen = await page.evaluate<string[]>("[...new Set(window.seen)]");
    // A busy machine may leave out a step, and does not mix them up.
    const steps = ["reading", "counting", "storing", indexed];
    expect(seen.filter((text) => steps.includes(text))).toEqual(steps.filter((text) => seen.includes(text)));
    expect(steps.filter((text) => seen.includes(text)).length).toBeGreaterThan(1);
  }
  expect(navigations).toBe(0);
});

test("a flagged comment shows what it said then, and what it says by now", async () => {
  expect(await stage.stopWorker()).toBe(true);
  const page = await stage.visit();
  const question = await ask(page, "Flag what?", "Whatever is odd");
  await question.getByLabel("A comment").fill("Buy <b>cheap</b> celery");
  await question.getByRole("button", { name: "Comment" }).click();
  await isLive(page);
  const comment = question.getByRole("article", { name: "Comment" });
  await comment.getByRole("button", { name: "Flag" }).click();
  await comment.getByText("flagged; to be reviewed").waitFor();

  await comment.getByText("Edit").click();
  await comment.getByLabel("What the comment says").fill("I sell celery");
  await comment.getByRole("button", { name: "Save" }).click();
  await comment.locator(".line").getByText("I sell celery").waitFor();
  // Somebody whose page still has the button flags it as well.
  const [name] = [...(await stage.visitor.flags()).keys()];
  await stage.visitor.submit("comments/flag", { id: name!.split("/")[1]! });

  await stage.startWorker();
  const review = "flagged when it said “Buy <b>cheap</b> celery”; now it says “I sell celery”";
  await comment.getByText(review).waitFor();
  await comment.getByText("indexed: 3 words").waitFor();
  expect((await stage.visitor.flags()).get(name!)?.runs).toBe(1);
});

test("what was opened to be edited is left alone, while the text beside it changes", async () => {
  const page = await stage.visit();
  const question = await ask(page, "Who edits?", "Two people at once");
  const about = { aboutModel: "qa.Question", aboutId: (await question.getAttribute("id"))!.split("/")[1]! };
  const name = await stage.visitor.submit("comments", { ...about, body: "as it was" });
  const comment = question.getByRole("article", { name: "Comment" });
  await comment.getByText("Edit").click();
  await comment.getByLabel("What the comment says").fill("half a sent");
  await stage.visitor.submit("comments/edit", { id: name.split("/")[1]!, body: "as another has it" });
  await comment.locator(".line").getByText("as another has it").waitFor();
  expect(await comment.getByLabel("What the comment says").inputValue()).toBe("half a sent");
});

test("what somebody wrote is shown as text, also when it comes live", async () => {
  const page = await stage.visit();
  const attack = `<img src="x" onerror="document.title = 'attacked'"><script>document.title = "attacked"</script>`;
  const breakout = `"'></span><h2>no</h2>\r\n\r\ndata: <h2>no</h2>`;
  await stage.visitor.submit("questions", { title: `Attack? ${attack}`, body: breakout });
  const question = page.getByRole("article", { name: "Attack?" });
  for (const reload of [false, true]) {
    if (reload) await page.reload();
    await question.waitFor();
    expect(await question.getByRole("heading").allTextContents()).toEqual([`Attack? ${attack}`]);
    expect(await question.locator(":scope > p").textContent()).toBe(breakout.replaceAll("\r\n", "\n"));
    expect(await question.locator("img, script").count()).toBe(0);
    expect(await page.title()).toBe("Questions and answers");
  }
  expect((await page.request.get(stage.url)).headers()["content-security-policy"]).toMatch(
    /^default-src 'none'; .*script-src 'sha256-/,
  );
});

test("a web process that restarts: browsers come back, and are told what they missed", async () => {
  const page = await stage.visit();
  await ask(page, "Before?", "The stream is open");
  expect(await stage.stopWeb()).toBe(true);
  await page.getByText("The connection is lost.").waitFor();
  await stage.restartWeb();
  const name = await stage.visitor.submit("questions", { title: "Meanwhile?", body: "Nobody was told" });
  await stage.visitor.submit("answers", { questionId: name.split("/")[1]!, body: "By now they are told" });
  await isLive(page);
  const question = page.getByRole("article", { name: "Meanwhile?" });
  await question.getByRole("article", { name: "Answer" }).getByText("By now they are told").waitFor();
  const titles = await page.locator("h2").allTextContents();
  expect(titles.slice(0, 2)).toEqual(["Meanwhile?", "Before?"]);
  await stage.startWorker();
  await question.getByText("indexed: 4 words").waitFor();
});

test("without JavaScript it works with reloads", async () => {
  await stage.startWorker();
  const page = await stage.visit({ javaScriptEnabled: false });
  const question = await ask(page, "No script?", "A reload");
  await page.getByText("Reload the page to see what has changed.").waitFor();
  const indexed = question.getByText("indexed: 4 words");
  await expect.poll(() => page.reload().then(() => indexed.count()), { timeout: 15_000 }).toBe(1);
});

test("everybody can find their way: language, title, headings, labels, names, no id twice", async () => {
  const page = await stage.visit();
  expect(await page.locator("html").getAttribute("lang")).toBe("en");
  expect(await page.locator("main h1").count()).toBe(1);
  const levels = await page.evaluate<number[]>(
    "[...document.querySelectorAll('h1, h2, h3, h4')].map((heading) => Number(heading.tagName[1]))",
  );
  for (const [index, level] of levels.entries()) {
    expect(level).toBeLessThanOrEqual((levels[index - 1] ?? 0) + 1);
  }
  const wrong = await page.evaluate<string[]>(`[
    ...[...document.querySelectorAll("input:not([type=hidden])")].filter((input) => !input.labels?.[0]?.textContent.trim()),
    ...[...document.querySelectorAll("button, summary")].filter((button) => !button.textContent.trim()),
    ...[...document.querySelectorAll("progress")].filter((bar) => !bar.getAttribute("aria-label")),
    ...[...document.querySelectorAll("[aria-labelledby]")].filter(
      (part) => !document.getElementById(part.getAttribute("aria-labelledby"))?.textContent.trim(),
    ),
    ...[...document.querySelectorAll("[id]")].filter((part) => document.getElementById(part.id) !== part),
  ].map((part) => part.outerHTML)`);
  expect(wrong).toEqual([]);
  expect(levels.length).toBeGreaterThan(4);
});

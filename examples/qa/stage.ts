/** The example and a browser, for tests of the page. */
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, BrowserContextOptions, Locator, Page } from "playwright-core";
import { openChromium } from "./chromium.ts";
import { Processes } from "./processes.ts";
import { Visitor } from "./visitor.ts";

export class Stage {
  readonly url: string;
  /** Somebody who needs no browser. */
  readonly visitor: Visitor;
  /** What went wrong in pages. */
  readonly errors: Error[] = [];
  readonly #folder: string;
  readonly #processes: Processes;
  readonly #browser: Browser;
  #web: ChildProcess;
  #worker: ChildProcess | undefined;

  private constructor(
    folder: string,
    processes: Processes,
    { web, url }: { web: ChildProcess; url: string },
    browser: Browser,
  ) {
    this.#folder = folder;
    this.#processes = processes;
    this.#web = web;
    this.url = url;
    this.#browser = browser;
    this.visitor = new Visitor(url);
  }

  /** Starts a browser and the web process, on files of their own; no worker yet. */
  static async open(): Promise<Stage> {
    const browser = await openChromium();
    const folder = mkdtempSync(join(tmpdir(), "petiole-qa-"));
    // Slow enough for each step to be seen.
    const processes = new Processes({ QA_FOLDER: folder, QA_INDEX_MILLISECONDS: "900" });
    try {
      return new Stage(folder, processes, await processes.startWeb(0), browser);
    } catch (error) {
      await browser.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await this.#processes.stopAll();
    rmSync(this.#folder, { recursive: true });
  }

  /** The page, as somebody sees it who has not been there before, and, with JavaScript, is told of changes. */
  async visit(options: BrowserContextOptions = {}): Promise<Page> {
    const context = await this.#browser.newContext(options);
    context.setDefaultTimeout(15_000);
    const page = await context.newPage();
    page.on("pageerror", (error) => this.errors.push(error));
    await page.goto(this.url);
    if (options.javaScriptEnabled !== false) await isLive(page);
    return page;
  }

  /** Closes every page. */
  async leave(): Promise<void> {
    await Promise.all(this.#browser.contexts().map((context) => context.close()));
  }

  async startWorker(): Promise<void> {
    this.#worker ??= await this.#processes.startWorker();
  }

  /** Returns whether it stopped in good order. */
  async stopWorker(): Promise<boolean> {
    const worker = this.#worker;
    this.#worker = undefined;
    return worker === undefined || this.#processes.stop(worker);
  }

  /** Returns whether it stopped in good order. */
  stopWeb(): Promise<boolean> {
    return this.#processes.stop(this.#web);
  }

  /** Starts the web process again, at the same address. */
  async restartWeb(): Promise<void> {
    ({ web: this.#web } = await this.#processes.startWeb(Number(new URL(this.url).port)));
  }
}

export function isLive(page: Page): Promise<void> {
  return page.getByText("Live: this page changes by itself.").waitFor();
}

/** Asks a question through the form; returns its part of the page that comes after. */
export async function ask(page: Page, title: string, body: string): Promise<Locator> {
  await page.getByLabel("Your question").fill(title);
  await page.getByLabel("What you have tried").fill(body);
  await page.getByRole("button", { name: "Ask" }).click();
  const question = page.getByRole("article", { name: title, exact: true });
  await question.waitFor();
  return question;
}

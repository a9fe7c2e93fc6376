/** `--once`: a person posts, the worker is killed in the middle, another takes over, and everything is counted. */
import type { ChildProcess } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import type { Processes } from "./processes.ts";

const questionCount = 10;
const patience = 60_000;

/** What came of it. */
export interface Outcome {
  readonly sent: number;
  readonly done: number;
  /** What was lost or wrong, in words. */
  readonly problems: readonly string[];
}

/** A post as the page shows it. */
interface Shown {
  readonly state: string;
  readonly words: number;
  readonly runs: number;
}

export async function rehearse(url: string, worker: ChildProcess, processes: Processes): Promise<Outcome> {
  const expected = new Map<string, number>();
  const post = async (path: string, model: string, form: Record<string, string>): Promise<number> => {
    const response = await fetch(`${url}${path}`, {
      method: "POST",
      body: new URLSearchParams(form),
      redirect: "manual",
    });
    if (response.status !== 303) throw new Error(`POST /${path} was answered with ${response.status}`);
    const number = [...expected.keys()].filter((name) => name.startsWith(`${model}/`)).length + 1;
    expected.set(`${model}/${number}`, wordsIn(`${form["title"] ?? ""} ${form["body"]}`));
    return number;
  };

  const questions: number[] = [];
  for (let n = 1; n <= questionCount; n++) {
    questions.push(
      await post("questions", "qa.Question", {
        title: `Question ${n}?`,
        body: `<b>Petiole</b> & Petiole ${"x ".repeat(n)}`,
      }),
    );
  }
  let killed = await shown(url);
  await until("a third to be indexed while others are", async () => {
    killed = await shown(url);
    return count(killed, "indexed") >= questionCount / 3 && count(killed, "running") > 0;
  });
  await processes.kill(worker);
  console.log(
    `killed the worker with SIGKILL: ${count(killed, "indexed")} indexed, ${count(killed, "running")} running`,
  );

  // The site goes on without a worker.
  for (const n of questions) {
    const answer = await post("answers", "qa.Answer", { questionId: String(n), body: `Answer to ${n}` });
    await post("comments", "qa.Comment", {
      aboutModel: "qa.Question",
      aboutId: String(n),
      body: "What is a petiole?",
    });
    await post("comments", "qa.Comment", {
      aboutModel: "qa.Answer",
      aboutId: String(answer),
      body: "Thanks",
    });
  }
  const waiting = await shown(url);
  console.log(
    `${waiting.size} posts on the page, ${count(waiting, "indexed")} of them indexed; starting another worker`,
  );
  await processes.startWorker();

  const all = (posts: ReadonlyMap<string, Shown>): boolean =>
    [...posts.values()].every(({ state }) => ends.has(state));
  const problems: string[] = [];
  await until("everything to end", async () => all(await shown(url))).catch((error: unknown) =>
    problems.push(String(error)),
  );
  const posts = await shown(url);
  for (const [name, words] of expected) {
    const found = posts.get(name);
    if (found?.state !== "indexed") problems.push(`${name} is ${found?.state ?? "not on the page"}`);
    else if (found.words !== words)
      problems.push(`${name} was indexed with ${found.words} words, not ${words}`);
  }
  const stuck = `${await processes.inspect("failed")}${await processes.inspect("parked")}`.trim();
  if (stuck !== "") problems.push(`failed or parked: ${stuck}`);
  const again = [...posts.values()].filter(({ runs }) => runs > 1).length;
  console.log(`${await processes.inspect("status")}`.trim());
  console.log(`${again} posts were indexed more than once`);
  return {
    sent: expected.size,
    done: [...expected.keys()].filter((name) => posts.get(name)?.state === "indexed").length,
    problems,
  };
}

const ends = new Set(["indexed", "failed", "parked", "skipped", "discarded"]);

/** The worker's own count: a petiole counts twice. */
function wordsIn(text: string): number {
  return text
    .split(/\s+/)
    .filter((word) => word !== "")
    .reduce((sum, word) => sum + (word.toLowerCase() === "petiole" ? 2 : 1), 0);
}

/** Every post on the page. */
async function shown(url: string): Promise<Map<string, Shown>> {
  const response = await fetch(url);
  if (response.status !== 200) throw new Error(`GET / was answered with ${response.status}`);
  const pattern = /data-post="([^"]+)"\s+data-state="(\w+)"(?:\s+data-words="(\d+)"\s+data-runs="(\d+)")?/g;
  const posts = [...(await response.text()).matchAll(pattern)];
  return new Map(
    posts.map(([, name, state, words, runs]) => [
      name!,
      { state: state!, words: Number(words), runs: Number(runs) },
    ]),
  );
}

function count(posts: ReadonlyMap<string, Shown>, state: string): number {
  return [...posts.values()].filter((post) => post.state === state).length;
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + patience;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited ${patience / 1000} s for ${what}`);
    await sleep(20);
  }
}

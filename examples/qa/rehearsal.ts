/**
 * `--once`: a person posts, the worker is killed in the middle, a comment is flagged and then edited, another worker
 * takes over, and everything is counted.
 */
import type { ChildProcess } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import type { Processes } from "./processes.ts";
import { Visitor, type Shown } from "./visitor.ts";

const questionCount = 10;
const patience = 60_000;

/** What came of it. */
export interface Outcome {
  readonly sent: number;
  readonly done: number;
  /** What was lost or wrong, in words. */
  readonly problems: readonly string[];
}

export async function rehearse(url: string, worker: ChildProcess, processes: Processes): Promise<Outcome> {
  const visitor = new Visitor(url);
  /** How many index tasks were sent for each post, and the words that the last of them shall count. */
  const expected = new Map<string, { sent: number; words: number }>();
  const post = async (path: string, form: Record<string, string>): Promise<string> => {
    const name = await visitor.submit(path, form);
    const words = wordsIn(`${form["title"] ?? ""} ${form["body"]}`);
    expected.set(name, { sent: (expected.get(name)?.sent ?? 0) + 1, words });
    return name;
  };

  const questions: string[] = [];
  for (let n = 1; n <= questionCount; n++) {
    const body = `<b>Petiole</b> & Petiole ${"x ".repeat(n)}`;
    questions.push(await post("questions", { title: `Question ${n}?`, body }));
  }
  let killed = await visitor.posts();
  await until("a third to be indexed while others are", async () => {
    killed = await visitor.posts();
    return count(killed, "indexed") >= questionCount / 3 && count(killed, "running") > 0;
  });
  await processes.kill(worker);
  console.log(
    `killed the worker with SIGKILL: ${count(killed, "indexed")} indexed, ${count(killed, "running")} running`,
  );

  // The site goes on without a worker.
  const thanks: string[] = [];
  for (const question of questions) {
    const questionId = idOf(question);
    const answer = await post("answers", { questionId, body: `Answer to ${question}` });
    const about = { aboutModel: "qa.Question", aboutId: questionId };
    await post("comments", { ...about, body: "What is a petiole?" });
    thanks.push(
      await post("comments", { aboutModel: "qa.Answer", aboutId: idOf(answer), body: "You <fool> & you" }),
    );
  }
  // What a flagged comment said is kept, though it is edited before anybody looks at it.
  const flagged = thanks[0]!;
  for (let people = 1; people <= 3; people++) await visitor.submit("comments/flag", { id: idOf(flagged) });
  await post("comments/edit", { id: idOf(flagged), body: "Thank you, this petiole helps" });

  const waiting = await visitor.posts();
  console.log(
    `${waiting.size} posts on the page, ${count(waiting, "indexed")} of them indexed, one of them flagged; starting another worker`,
  );
  await processes.startWorker();

  const problems: string[] = [];
  await until("everything to end", async () => {
    const posts = [...(await visitor.posts()).values()];
    const reviews = [...(await visitor.flags()).values()];
    return posts.every(({ state }) => ends.has(state)) && reviews.every((review) => review !== undefined);
  }).catch((error: unknown) => problems.push(String(error)));

  let [sent, done] = [0, 0];
  const posts = await visitor.posts();
  for (const [name, { sent: tasks, words }] of expected) {
    const found = posts.get(name);
    sent += tasks;
    if (found?.state === "indexed") done += Math.min(tasks, found.runs);
    if (found?.state !== "indexed") problems.push(`${name} is ${found?.state ?? "not on the page"}`);
    else if (found.words !== words)
      problems.push(`${name} was indexed with ${found.words} words, not ${words}`);
  }
  const flags = await visitor.flags();
  const review = flags.get(flagged);
  sent += 1;
  if (review) done += 1;
  const seen = JSON.stringify([flags.size, review]);
  const wanted = { said: "You <fool> & you", says: "Thank you, this petiole helps", runs: 1 };
  if (seen !== JSON.stringify([1, wanted])) problems.push(`${flagged} was reviewed as ${seen}`);

  const stuck = `${await processes.inspect("failed")}${await processes.inspect("parked")}`.trim();
  if (stuck !== "") problems.push(`failed or parked: ${stuck}`);
  const again = [...expected].filter(([name, { sent }]) => (posts.get(name)?.runs ?? 0) > sent).length;
  console.log(`${await processes.inspect("status")}`.trim());
  console.log(`${again} posts were indexed more often than asked for`);
  console.log(`${flagged} was flagged when it said “${review?.said}”; now it says “${review?.says}”`);
  return { sent, done, problems };
}

const ends = new Set(["indexed", "failed", "parked", "skipped", "discarded", "expired", "cancelled"]);

function idOf(name: string): string {
  return name.split("/")[1]!;
}

/** The worker's own count: a petiole counts twice. */
function wordsIn(text: string): number {
  return text
    .split(/\s+/)
    .filter((word) => word !== "")
    .reduce((sum, word) => sum + (word.toLowerCase() === "petiole" ? 2 : 1), 0);
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

/** The page, whole and in parts. */
import { ref, type Reference } from "petiole";
import { eq } from "drizzle-orm";
import { html, raw } from "hono/html";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { db } from "./app.ts";
import { answers, comments, questions, type Comment } from "./database.ts";
import type { Change } from "./posts.ts";
import { allPosts, flagStates, indexStates } from "./states.ts";
import * as view from "./views.ts";

const style = readFileSync(new URL("style.css", import.meta.url), "utf8");
const script = readFileSync(new URL("browser.js", import.meta.url), "utf8");

/** What the page may do: run its own script, and no other that somebody may get into it. */
export const contentSecurityPolicy = [
  "default-src 'none'",
  `style-src '${hashOf(style)}'`,
  `script-src '${hashOf(script)}'`,
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

function hashOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}

/** All questions with what is under them, oldest first. */
export async function questionViews(): Promise<view.Html[]> {
  const [posts, state, flag] = await Promise.all([allPosts(), indexStates(), flagStates()]);
  const commentViews = (model: string, id: number): view.Html[] =>
    posts.comments
      .filter((comment) => comment.aboutModel === model && comment.aboutId === id)
      .map((comment) =>
        view.commentView(comment, state(ref(comments, comment)), flag(ref(comments, comment))),
      );
  return posts.questions.map((question) =>
    view.questionView(question, state(ref(questions, question)), {
      comments: commentViews("qa.Question", question.id),
      answers: posts.answers
        .filter((answer) => answer.questionId === question.id)
        .map((answer) =>
          view.answerView(answer, state(ref(answers, answer)), commentViews("qa.Answer", answer.id)),
        ),
    }),
  );
}

/** What has changed about a post, as it is now. Nothing, when there is no such post. */
export async function partOf(what: Change, about: Reference): Promise<string> {
  const parts = await {
    post: postView,
    text: textParts,
    state: async () => view.stateView(view.nameOf(about), (await indexStates(about))(about)),
    flag: async () => view.flagView(Number(about.pk), (await flagStates(about))(about)),
  }[what](about);
  return String(await html`${parts}`);
}

async function textParts(about: Reference): Promise<view.Html[]> {
  const rows = await db
    .select()
    .from(comments)
    .where(eq(comments.id, Number(about.pk)));
  return rows.flatMap((comment: Comment) => [view.textView(comment), view.editView(comment)]);
}

async function postView(about: Reference): Promise<view.Html[]> {
  const id = Number(about.pk);
  const state = (await indexStates(about))(about);
  if (about.model === "qa.Question") {
    const rows = await db.select().from(questions).where(eq(questions.id, id));
    return rows.map((row) => view.questionView(row, state));
  }
  if (about.model === "qa.Answer") {
    const rows = await db.select().from(answers).where(eq(answers.id, id));
    return rows.map((row) => view.answerView(row, state));
  }
  const rows = await db.select().from(comments).where(eq(comments.id, id));
  return rows.map((row) => view.commentView(row, state, undefined));
}

/** The whole page. `message` is shown on top. */
export async function page(message = ""): Promise<view.Html> {
  const newestFirst = (await questionViews()).toReversed();
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>Questions and answers</title>
        ${raw(`<style>${style}</style>`)}
      </head>
      <body>
        <main>
          <h1>Questions and answers</h1>
          <p id="live" role="status">Reload the page to see what has changed.</p>
          ${message === "" ? "" : html`<p class="state wrong" role="alert">${message}</p>`}
          <form class="ask" method="post" action="/questions">
            ${view.field("title", "Your question")} ${view.field("body", "What you have tried")}
            <button>Ask</button>
          </form>
          <div id="questions">${newestFirst}</div>
        </main>
        ${raw(`<script>${script}</script>`)}
      </body>
    </html>`;
}

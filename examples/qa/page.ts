/** The page: questions with their answers and comments, each with its state, and the forms. */
import { Reference } from "petiole";
import { html, raw } from "hono/html";
import type { Answer, Comment, Question } from "./database.ts";
import { allPosts, postStates, type PostState } from "./posts.ts";

type Html = ReturnType<typeof html>;

const style = raw(`
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; color: #1c2a1c; }
  h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin: 0 } p { margin: .3rem 0 }
  article { border: 1px solid #cfdccf; border-radius: .5rem; padding: .8rem 1rem; margin: 1rem 0; }
  article article { border-width: 0 0 0 3px; border-radius: 0; margin: .6rem 0 .6rem .3rem; padding: .1rem .8rem; }
  .state { font-size: .8rem; border-radius: 1rem; padding: .1rem .6rem; background: #eceff1; white-space: nowrap; }
  .done { background: #d9efd9 } .wrong { background: #f8d7d4 }
  form { display: flex; gap: .4rem; margin: .5rem 0; flex-wrap: wrap } input { flex: 1; min-width: 8rem; padding: .35rem .5rem }
  button { padding: .35rem .8rem }
`);

/** The whole page. `message` is shown on top. */
export async function page(message = ""): Promise<Html> {
  const [posts, states] = await Promise.all([allPosts(), postStates()]);
  const commentsOn = (model: string, id: number): Comment[] =>
    posts.comments.filter((comment) => comment.aboutModel === model && comment.aboutId === id);
  const badge = (model: string, id: number): Html => stateBadge(model, id, states);

  const commentView = (comment: Comment): Html =>
    html`<article><p>${comment.body} ${badge("qa.Comment", comment.id)}</p></article>`;
  const answerView = (answer: Answer): Html =>
    html`<article>
      <p>${answer.body} ${badge("qa.Answer", answer.id)}</p>
      ${commentsOn("qa.Answer", answer.id).map(commentView)} ${commentForm("qa.Answer", answer.id)}
    </article>`;
  const questionView = (question: Question): Html =>
    html`<article>
      <h2>${question.title} ${badge("qa.Question", question.id)}</h2>
      <p>${question.body}</p>
      ${commentsOn("qa.Question", question.id).map(commentView)} ${commentForm("qa.Question", question.id)}
      ${posts.answers.filter((answer) => answer.questionId === question.id).map(answerView)}
      <form method="post" action="/answers">
        <input type="hidden" name="questionId" value="${question.id}" />
        <input name="body" required placeholder="Your answer" /><button>Answer</button>
      </form>
    </article>`;

  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>Questions and answers</title>
        <style>
          ${style}
        </style>
      </head>
      <body>
        <h1>Questions and answers</h1>
        ${message === "" ? "" : html`<p class="state wrong" role="alert">${message}</p>`}
        <form method="post" action="/questions">
          <input name="title" required placeholder="Your question" />
          <input name="body" required placeholder="What you have tried" /><button>Ask</button>
        </form>
        ${posts.questions.map(questionView)}
      </body>
    </html>`;
}

function commentForm(model: string, id: number): Html {
  return html`<form method="post" action="/comments">
    <input type="hidden" name="aboutModel" value="${model}" />
    <input type="hidden" name="aboutId" value="${id}" />
    <input name="body" required placeholder="A comment" /><button>Comment</button>
  </form>`;
}

function stateBadge(model: string, id: number, states: ReadonlyMap<string, PostState>): Html {
  const state = states.get(new Reference(model, id).identity) ?? "waiting";
  const post = `${model}/${id}`;
  if (typeof state === "object") {
    const { words, points, runs } = state;
    return html`<span
      class="state done"
      data-post="${post}"
      data-state="indexed"
      data-words="${words}"
      data-runs="${runs}"
      >indexed: ${words} words, ${points.toLocaleString("en")} points</span
    >`;
  }
  const wrong = state === "failed" || state === "parked";
  return html`<span class="state ${wrong ? "wrong" : ""}" data-post="${post}" data-state="${state}"
    >${state}</span
  >`;
}

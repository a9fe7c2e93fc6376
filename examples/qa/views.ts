/** The parts of the page. What has `data-live` is replaced when it changes; a post is added to its `data-place`. */
import type { Reference } from "petiole";
import { html } from "hono/html";
import type { Answer, Comment, Question } from "./database.ts";
import type { FlagState, IndexState } from "./states.ts";

export type Html = ReturnType<typeof html>;

/** A post's name on the page, as in `qa.Question/1`. */
export function nameOf({ model, pk }: Pick<Reference, "model" | "pk">): string {
  return `${model}/${String(pk)}`;
}

/** A question. `inside` are its comments and its answers. */
export function questionView(
  { id, title, body }: Question,
  state: IndexState,
  inside: { comments: Html[]; answers: Html[] } = { comments: [], answers: [] },
): Html {
  const name = `qa.Question/${id}`;
  return html`<article
    class="question"
    id="${name}"
    data-place="questions"
    data-first
    aria-labelledby="${name}/title"
  >
    <div class="line">
      <h2 id="${name}/title">${title}</h2>
      ${stateView(name, state)}
    </div>
    <p>${body}</p>
    <div id="${name}/comments">${inside.comments}</div>
    ${commentForm("qa.Question", id)}
    <div id="${name}/answers">${inside.answers}</div>
    <form method="post" action="/answers">
      <input type="hidden" name="questionId" value="${id}" />
      ${field("body", "Your answer")}<button>Answer</button>
    </form>
  </article>`;
}

/** An answer. `inside` are its comments. */
export function answerView({ id, questionId, body }: Answer, state: IndexState, inside: Html[] = []): Html {
  const name = `qa.Answer/${id}`;
  return html`<article
    class="answer"
    id="${name}"
    data-place="qa.Question/${questionId}/answers"
    aria-labelledby="${name}/title"
  >
    <div class="line">
      <h3 id="${name}/title">Answer</h3>
      ${stateView(name, state)}
    </div>
    <p>${body}</p>
    <div id="${name}/comments">${inside}</div>
    ${commentForm("qa.Answer", id)}
  </article>`;
}

export function commentView(comment: Comment, state: IndexState, flag: FlagState): Html {
  const name = `qa.Comment/${comment.id}`;
  return html`<article
    class="comment"
    id="${name}"
    data-place="${comment.aboutModel}/${comment.aboutId}/comments"
    aria-label="Comment"
  >
    <div class="line">${textView(comment)} ${stateView(name, state)}</div>
    <div class="tools">${editView(comment)} ${flagView(comment.id, flag)}</div>
  </article>`;
}

export function textView({ id, body }: Comment): Html {
  return html`<p id="qa.Comment/${id}/text" data-live>${body}</p>`;
}

export function editView({ id, body }: Comment): Html {
  return html`<details id="qa.Comment/${id}/edit" data-live>
    <summary>Edit</summary>
    <form method="post" action="/comments/edit">
      <input type="hidden" name="id" value="${id}" />
      ${field("body", "What the comment says", body)}<button>Save</button>
    </form>
  </details>`;
}

/** The button that flags a comment, or what has become of its flag. */
export function flagView(id: number, flag: FlagState): Html {
  return html`<div class="flag" id="qa.Comment/${id}/flag" data-live>${flagInside(id, flag)}</div>`;
}

function flagInside(id: number, flag: FlagState): Html {
  if (flag === undefined) {
    return html`<form method="post" action="/comments/flag">
      <input type="hidden" name="id" value="${id}" /><button>Flag</button>
    </form>`;
  }
  if ("said" in flag) {
    return html`<p data-reviewed="qa.Comment/${id}" data-runs="${flag.runs}">
      flagged when it said “${flag.said}”; now it says “${flag.says}”
    </p>`;
  }
  const standing = isWrong(flag.state) ? `its review has ${flag.state}` : "to be reviewed";
  return html`<p data-flagged="qa.Comment/${id}">flagged; ${standing}</p>`;
}

/** Where a post's index task is: the badge. */
export function stateView(post: string, state: IndexState): Html {
  const id = `${post}/state`;
  if ("words" in state) {
    const { words, points, runs } = state;
    return html`<span
      class="state done"
      id="${id}"
      data-live
      data-post="${post}"
      data-state="indexed"
      data-words="${words}"
      data-runs="${runs}"
      >indexed: ${words} words, ${BigInt(points).toLocaleString("en")} points</span
    >`;
  }
  const { state: standing, progress } = state;
  const look = isWrong(standing) ? "wrong" : standing === "running" ? "running" : "";
  return html`<span class="state ${look}" id="${id}" data-live data-post="${post}" data-state="${standing}"
    >${
      standing === "running" && progress
        ? html`<progress max="1" value="${progress.fraction}" aria-label="Indexed so far"></progress> ${
              progress.note
            }`
        : standing
    }</span
  >`;
}

function isWrong(state: string): boolean {
  return state === "failed" || state === "parked";
}

function commentForm(model: string, id: number): Html {
  return html`<form method="post" action="/comments">
    <input type="hidden" name="aboutModel" value="${model}" />
    <input type="hidden" name="aboutId" value="${id}" />
    ${field("body", "A comment")}<button>Comment</button>
  </form>`;
}

/** A field that must be filled in. Its label is shown as its placeholder, and read out to who cannot see that. */
export function field(name: string, label: string, value = ""): Html {
  return html`<label
    ><span class="unseen">${label}</span
    ><input name="${name}" value="${value}" required maxlength="10000" placeholder="${label}"
  /></label>`;
}

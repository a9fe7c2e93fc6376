/** A small site in TypeScript: it shows Django's comments, and lets people flag them. Python reviews what is flagged. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { eq } from "drizzle-orm";
import { ref, snapshot } from "petiole";
import { close, db, review } from "./app.ts";
import { Money } from "./money.ts";
import { comments, reviews } from "./tables.ts";

const reward = new Money({ amount: 2_500_000n, currency: "EUR" });

/** Has a comment reviewed in a moment: as it was when it was flagged, and as it will be. Its task's id. */
async function flag(id: number): Promise<string | undefined> {
  const [row] = await db.select().from(comments).where(eq(comments.id, id));
  if (!row) return undefined;
  const payload = { flagged: snapshot(comments, row), comment: ref(comments, row), reward };
  const handle = await review.enqueue(payload, { delay: "1s" });
  handle.result().then(
    ({ comment, earned }) => console.log(`Python reviewed ${comment.model} ${comment.pk}, for ${earned}`),
    (error: unknown) => console.error(error),
  );
  return handle.id;
}

async function page(): Promise<string> {
  const rows = await db
    .select()
    .from(comments)
    .leftJoin(reviews, eq(reviews.commentId, comments.id))
    .orderBy(comments.id);
  const items = rows.map(({ qa_comment: { id, body }, qa_review: found }) => {
    const outcome = found
      ? `said “${escaped(found.said)}”, says “${escaped(found.says)}”`
      : `<form method="post" action="/comments/${id}/flag"><button>Flag</button></form>`;
    return `<li>${escaped(body)} ${outcome}</li>`;
  });
  return `<!doctype html><title>Comments, in TypeScript</title><h1>Comments</h1><ul>${items.join("")}</ul>`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (each) => `&#${each.charCodeAt(0)};`);
}

async function answer({ method, url }: IncomingMessage, response: ServerResponse): Promise<void> {
  const [, id] = /^\/comments\/(\d{1,15})\/flag$/.exec(url ?? "") ?? [];
  if (method === "GET" && url === "/") {
    response.setHeader("content-type", "text/html; charset=utf-8").end(await page());
  } else if (method === "POST" && id !== undefined && (await flag(Number(id))) !== undefined) {
    response.writeHead(303, { location: "/" }).end();
  } else {
    response.writeHead(404).end("There is nothing here.");
  }
}

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => {
    console.error(error);
    response.writeHead(500).end();
  });
});
server.listen(Number(process.env["PORT"] ?? 0), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
});
process.once("SIGTERM", () => {
  server.closeAllConnections();
  server.close(() => void close());
});

/** The site: its pages, its forms, and the stream that tells of changes. */
import { Hono } from "hono";
import { streamSSE } from "hono/streaming";
import { Live } from "./live.ts";
import { contentSecurityPolicy, page, partOf, questionViews } from "./page.ts";
import { answer, ask, comment, edit, flag, onChange } from "./posts.ts";
import { nameOf } from "./views.ts";

export const site = new Hono();
// Oldest first, for a browser puts each question that it does not have on top.
export const live = new Live(async () => (await Promise.all(await questionViews())).join(""));

onChange(async (what, about) => {
  // It is rendered once for all browsers, and for none not at all.
  if (live.size > 0) live.publish(`${nameOf(about)} ${what}`, await partOf(what, about));
});

/** A field of a form, which must be there and not be empty. */
function field(form: Record<string, unknown>, name: string): string {
  const value = form[name];
  if (typeof value === "string" && value.trim() !== "" && value.length <= 10_000) return value.trim();
  throw new RangeError(`${name} must be text, 1 to 10,000 letters long`);
}

function id(form: Record<string, unknown>, name: string): number {
  const value = Number(field(form, name));
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new RangeError(`${name} must be the number of a post`);
}

/** A form: `save` does what it asks for, and returns the name of the post to go back to. */
function form(path: string, save: (form: Record<string, unknown>) => Promise<string>): void {
  site.post(path, async (context) => {
    const name = await save(await context.req.parseBody());
    return context.redirect(`/#${name}`, 303);
  });
}

site.get("/", async (context) => {
  context.header("Content-Security-Policy", contentSecurityPolicy);
  return context.html(await page());
});

site.get("/events", (context) => {
  if (live.closed) return context.text("The site is about to stop.", 503);
  return streamSSE(context, (stream) => live.tell(stream));
});

form("/questions", async (form) => {
  const { id } = await ask({ title: field(form, "title"), body: field(form, "body") });
  return nameOf({ model: "qa.Question", pk: id });
});

form("/answers", async (form) => {
  const row = await answer({ questionId: id(form, "questionId"), body: field(form, "body") });
  return nameOf({ model: "qa.Answer", pk: row.id });
});

form("/comments", async (form) => {
  const aboutModel = field(form, "aboutModel");
  if (aboutModel !== "qa.Question" && aboutModel !== "qa.Answer")
    throw new RangeError("a comment is about a question or an answer");
  const row = await comment({ aboutModel, aboutId: id(form, "aboutId"), body: field(form, "body") });
  return nameOf({ model: "qa.Comment", pk: row.id });
});

form("/comments/edit", async (form) => {
  await edit(id(form, "id"), field(form, "body"));
  return nameOf({ model: "qa.Comment", pk: id(form, "id") });
});

form("/comments/flag", async (form) => {
  await flag(id(form, "id"));
  return nameOf({ model: "qa.Comment", pk: id(form, "id") });
});

site.onError(async (error, context) => {
  context.header("Content-Security-Policy", contentSecurityPolicy);
  if (error instanceof RangeError) return context.html(await page(error.message), 400);
  console.error(error);
  return context.html(await page("Something went wrong; nothing was saved. Try again."), 500);
});

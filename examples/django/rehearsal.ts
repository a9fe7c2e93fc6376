/** `--once`: a person posts in Django, edits, flags in TypeScript; then what came of it is read from both sites. */
import { setTimeout as sleep } from "node:timers/promises";

const patience = 60_000;

/** What is wrong, in words; nothing where all is as it should be. */
export async function rehearse(django: string, typescript: string): Promise<readonly string[]> {
  const post = async (path: string, form: Record<string, string>): Promise<string> => {
    const body = new URLSearchParams(form);
    const { status, headers } = await fetch(new URL(path, django), {
      method: "POST",
      body,
      redirect: "manual",
    });
    const [, id] = /-(\d+)$/.exec(headers.get("location") ?? "") ?? [];
    if (id === undefined) throw new Error(`Django answered ${status} to ${path}`);
    return id;
  };
  const question = await post("questions", { title: "What is a petiole?", body: "I eat <celery>." });
  const answer = await post(`questions/${question}/answers`, { body: "The stalk of a leaf" });
  const comment = await post(`answers/${answer}/comments`, { body: "You fool" });
  console.log(
    `Django saved question ${question}, answer ${answer} and comment ${comment}, and sent ts.index for each.`,
  );
  const problems: string[] = [];
  const shows = async (site: string, texts: readonly string[]): Promise<void> => {
    const missing = await missingFrom(site, texts);
    problems.push(...missing.map((text) => `${site} does not show ${text}`));
    for (const text of texts) if (!missing.includes(text)) console.log(`  ${text}`);
  };
  console.log("TypeScript indexed them, each as its own model, with the fee as an instance of Money:");
  await shows(django, [
    `qa.Question ${question}: 7 words, 0.840000 EUR`,
    `qa.Answer ${answer}: 5 words, 0.600000 EUR`,
    `qa.Comment ${comment}: 2 words, 0.240000 EUR`,
  ]);

  const flagged = await fetch(new URL(`comments/${comment}/flag`, typescript), {
    method: "POST",
    redirect: "manual",
  });
  if (flagged.status !== 303) problems.push(`the site in TypeScript answered ${flagged.status} to a flag`);
  await post(`comments/${comment}`, { body: "Thank you very much" });
  console.log("The comment was flagged in TypeScript, and edited in Django. Celery's worker reviewed it:");
  await shows(django, [`comment ${comment} said “You fool”, says “Thank you very much”: 5.000000 EUR`]);
  await shows(typescript, ["said “You fool”, says “Thank you very much”"]);
  console.log("TypeScript indexed the comment again, as it is now:");
  await shows(django, [`qa.Comment ${comment}: 4 words, 0.480000 EUR`]);
  return problems;
}

/** The texts that a page does not show, not even after a while. */
async function missingFrom(site: string, texts: readonly string[]): Promise<readonly string[]> {
  for (const end = Date.now() + patience; ; await sleep(100)) {
    const page = await (await fetch(site)).text();
    const missing = texts.filter((text) => !page.includes(text));
    if (missing.length === 0 || Date.now() > end) return missing;
  }
}

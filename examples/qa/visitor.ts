/** A person at the site, without a browser: fills in forms and reads the page. */

/** A post as the page shows it. */
export interface Shown {
  readonly state: string;
  readonly words: number;
  readonly runs: number;
}

/** A review as the page shows it. */
export interface ShownReview {
  readonly said: string;
  readonly says: string;
  readonly runs: number;
}

export class Visitor {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  /** Fills in a form; returns the name of the post that it was about, as in `qa.Question/1`. */
  async submit(path: string, form: Record<string, string>): Promise<string> {
    const response = await fetch(`${this.#url}${path}`, {
      method: "POST",
      body: new URLSearchParams(form),
      redirect: "manual",
    });
    const name = /^\/#(.+)$/.exec(response.headers.get("location") ?? "")?.[1];
    if (response.status !== 303 || name === undefined)
      throw new Error(`POST /${path} was answered with ${response.status}`);
    return name;
  }

  /** Every post on the page, by its name. */
  async posts(): Promise<Map<string, Shown>> {
    const pattern = /data-post="([^"]+)"\s+data-state="(\w+)"(?:\s+data-words="(\d+)"\s+data-runs="(\d+)")?/g;
    return new Map(
      [...(await this.#page()).matchAll(pattern)].map(([, name, state, words, runs]) => [
        name!,
        { state: state!, words: Number(words), runs: Number(runs) },
      ]),
    );
  }

  /** The flagged comments on the page, by name: undefined for one that is still to be reviewed. */
  async flags(): Promise<Map<string, ShownReview | undefined>> {
    const page = await this.#page();
    const flagged = [...page.matchAll(/data-flagged="([^"]+)"/g)];
    const pattern =
      /data-reviewed="([^"]+)"\s+data-runs="(\d+)"\s*>\s*flagged when it said “(.*?)”; now it says “(.*?)”\s*</g;
    return new Map([
      ...flagged.map(([, name]) => [name!, undefined] as const),
      ...[...page.matchAll(pattern)].map(
        ([, name, runs, said, says]) =>
          [name!, { said: plain(said!), says: plain(says!), runs: Number(runs) }] as const,
      ),
    ]);
  }

  async #page(): Promise<string> {
    const response = await fetch(this.#url);
    if (response.status !== 200) throw new Error(`GET / was answered with ${response.status}`);
    return response.text();
  }
}

function plain(html: string): string {
  const characters: Record<string, string> = { lt: "<", gt: ">", quot: '"', "#39": "'", amp: "&" };
  return html.replace(/&(lt|gt|quot|#39|amp);/g, (_, name: string) => characters[name]!);
}

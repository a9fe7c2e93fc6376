/**
 * The body of a message, `[[args], {kwargs}, {embed}]`, as text and in its parts.
 *
 * @module
 */
import { malformed } from "./malformed.ts";
import { itemsOf, membersOf } from "./pieces.ts";

/** What the third part of a body says, each signature as the text that it came as. */
export interface Embed {
  readonly callbacks: readonly string[];
  readonly errbacks: readonly string[];
  /** In Celery's order: the next step is the last. */
  readonly chain: readonly string[];
  readonly chord?: string;
}

/** A body, in its three parts. */
export interface BodyParts {
  /** Each argument's text. */
  readonly args: readonly string[];
  /** An object's text. */
  readonly kwargs: string;
  /** An object's text, or `null`. */
  readonly embed: string;
}

/** The text of a body. */
export function bodyText({ args, kwargs, embed }: BodyParts): string {
  return `[[${args.join(",")}],${kwargs},${embed}]`;
}

/**
 * The parts of a body's text.
 *
 * @throws DecodeError when it is none
 */
export function partsOfBody(text: string): BodyParts {
  const parts = itemsOf(text, "body");
  const [args, kwargs, embed] = parts;
  if (args === undefined || kwargs === undefined || embed === undefined || parts.length > 3)
    throw malformed("body", "three parts: [args, kwargs, embed]", `${parts.length}`);
  return { args: itemsOf(args, "body[0]"), kwargs, embed };
}

/** The third part of a body, of its signatures' texts. */
export function embedText({ callbacks, errbacks, chain, chord }: Partial<Embed>): string {
  const list = (texts: readonly string[] = []): string =>
    texts.length === 0 ? "null" : `[${texts.join(",")}]`;
  return `{"callbacks":${list(callbacks)},"errbacks":${list(errbacks)},"chain":${list(chain)},"chord":${chord ?? "null"}}`;
}

/** The third part of most bodies. */
export const emptyEmbed = embedText({});

/** As Celery and this engine write it. */
const emptyEmbeds: ReadonlySet<string> = new Set([
  "null",
  emptyEmbed,
  '{"callbacks": null, "errbacks": null, "chain": null, "chord": null}',
]);

/**
 * What the third part of a body says.
 *
 * @throws DecodeError when it is neither an object nor null
 */
export function embedOf(text: string): Embed {
  if (emptyEmbeds.has(text)) return { callbacks: [], errbacks: [], chain: [] };
  const fields = new Map(membersOf(text, "body[2]").map(({ name, value }) => [name, value]));
  const list = (name: string): readonly string[] =>
    signatureList(fields.get(name) ?? "null", `body[2].${name}`);
  const chord = fields.get("chord") ?? "null";
  return {
    callbacks: list("callbacks"),
    errbacks: list("errbacks"),
    chain: list("chain"),
    ...(chord !== "null" && { chord }),
  };
}

/** The signatures of a list. Celery takes one alone for a list of one, and null for none. */
export function signatureList(text: string, what: string): readonly string[] {
  if (emptyEmbeds.has(text)) return [];
  return text.startsWith("{") ? [text] : itemsOf(text, what);
}

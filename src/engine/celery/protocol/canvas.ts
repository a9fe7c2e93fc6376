/**
 * What a message says shall follow its task, checked before the task is run.
 *
 * @module
 */
import { isDeeperThan } from "../../shared/kept-payload/nesting.ts";
import { signatureList } from "./body.ts";
import type { Embed } from "./body.ts";
import { elementOf, maxLevels, spread } from "./elements.ts";
import { malformed, unsupportedMessage } from "./malformed.ts";
import { membersOf } from "./pieces.ts";
import { signatureOf, textOption } from "./signature.ts";
import type { Signature } from "./signature.ts";
import { refuseUnpublishable } from "./publishable.ts";
import type { ProtocolSettings } from "./settings.ts";
import { times } from "./step.ts";
import { endsInGroup, refuseRepeated, sentWith } from "./weight.ts";

type CheckSettings = Pick<ProtocolSettings, "chords" | "fanouts" | "maxBytes">;

/** What whoever takes a later step sees to: whether it can be begun there. */
const elsewhere = { chords: true, fanouts: true } as const;

/**
 * Refuses a message whose next steps cannot be taken, before anything of it is run.
 *
 * @param groupId of the message: a part of a chord has one
 * @throws DecodeError for what is malformed
 * @throws LimitError for what repeats itself so often that its messages would take too much memory
 * @throws PetioleError `ERR_ENGINE_UNSUPPORTED` for a chord, or a part of one, where results are not kept in Redis, and for
 *   a fanout exchange where the broker keeps nothing of it
 */
export function refuseCanvas(
  { callbacks, errbacks, chain, chord }: Embed,
  groupId: unknown,
  settings: CheckSettings,
): void {
  const check = new Check(settings);
  if (chord !== undefined) {
    check.refuseChord("it is part of a chord");
    if (typeof groupId !== "string" || groupId === "")
      throw malformed("headers.group", "the id of the chord's group", "none");
    check.step(chord, "body[2].chord");
  }
  for (const [index, text] of chain.entries()) {
    const path = `body[2].chain[${index}]`;
    // A chain may be long: where there is nothing to refuse, each step is read once.
    if (settings.chords !== true && (signatureOf(text, path).options.get("chord") ?? "null") !== "null")
      check.refuseChord("a step of its chain is part of a chord");
    const isNext = index === chain.length - 1;
    (isNext ? check : new Check({ ...settings, ...elsewhere })).step(text, path, index > 0);
  }
  for (const [name, texts] of Object.entries({ callbacks, errbacks }))
    for (const [index, text] of texts.entries()) check.step(text, `body[2].${name}[${index}]`);
  const rest = lengthOf(chain.slice(0, -1));
  const begun = [...callbacks, ...errbacks, ...(chord === undefined ? [] : [chord])];
  const repeated = [...begun, ...chain.slice(-1)].reduce(
    (sum, text, index) => sum + sentWith(text, "body[2]", index < begun.length ? 0 : rest),
    0,
  );
  refuseRepeated(repeated, lengthOf([...begun, ...chain]), "body[2]", settings.maxBytes);
}

function lengthOf(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + text.length, 0);
}

/** Refuses a canvas that is to be sent, as {@link refuseCanvas} does what is to follow a task. */
export function checkCanvas(text: string, path: string, settings: CheckSettings): void {
  new Check(settings).step(text, path);
  refuseRepeated(sentWith(text, path, 0), text.length, path, settings.maxBytes);
}

class Check {
  readonly #settings: CheckSettings;

  constructor(settings: CheckSettings) {
    this.#settings = settings;
  }

  refuseChord(what: string): void {
    if (this.#settings.chords === true) return;
    throw unsupportedMessage(
      what,
      "Chords need results that are kept in Redis: say results: redis, or send it to a queue that only Python's workers take from.",
    );
  }

  /** One step, with all that is in it. */
  step(text: string, path: string, isFollowed = false, level = 0): void {
    if (level > maxLevels) throw malformed(path, `at most ${maxLevels} levels of canvas`, "more");
    const told = elementOf(text, path);
    const { signature } = told;
    this.#options(signature, path, level);
    const own = signatureList(signature.options.get("chain") ?? "null", `${path}.options.chain`);
    for (const [index, step] of own.entries())
      this.step(step, `${path}.options.chain[${index}]`, index > 0, level + 1);
    const element = isFollowed || own.length > 0 ? spread(told, path) : told;
    if (element.kind === "task") {
      if ((signature.options.get("chord") ?? "null") !== "null")
        this.refuseChord(`${path} is part of a chord`);
      return;
    }
    if (element.kind === "chord") {
      this.refuseChord(`${path} is a celery.chord`);
      membersOf(element.given, `${path}.kwargs.kwargs`);
      for (const [index, task] of element.header.entries())
        this.step(task, `${path}.kwargs.header[${index}]`, false, level + 1);
      this.step(element.body, `${path}.kwargs.body`, false, level + 1);
      return;
    }
    const isGroup = element.kind === "group";
    // Each group that something follows is a chord, and all that follows its body.
    let chords = 0;
    if (isGroup && (isFollowed || own.length > 0))
      this.refuseChord(`${path} is a celery.group that something follows`);
    for (const [index, task] of element.tasks.entries()) {
      const isLast = index === element.tasks.length - 1;
      const place = `${path}.kwargs.tasks[${index}]`;
      this.step(task, place, !isGroup && !isLast, level + chords + 1);
      if (!isGroup && !isLast && endsInGroup(task, place)) chords++;
    }
  }

  /** What is wrong with a step is told before its task is run, and not after. */
  #options(signature: Signature, path: string, level: number): void {
    refuseUnpublishable(signature, path);
    if (this.#settings.fanouts === false) refuseFanout(signature, path);
    for (const [name, text] of signature.options) {
      const place = `${path}.options.${name}`;
      if (lists.has(name)) {
        const listed = text === "null" ? [] : signatureList(text, place);
        const later = new Check({ ...this.#settings, ...elsewhere });
        if (links.has(name))
          for (const [index, each] of listed.entries())
            later.step(each, `${place}[${index}]`, false, level + 1);
      } else if (isDeeperThan(text, maxOptionDepth))
        throw malformed(place, `at most ${maxOptionDepth} levels`, "more");
    }
    times(signature, 0, path);
  }
}

/** Redis hands it to who listens at that moment, and keeps nothing: the task would be lost with them. */
function refuseFanout(signature: Signature, path: string): void {
  const exchange = textOption(signature, "exchange");
  if (exchange === undefined || textOption(signature, "exchange_type") !== "fanout") return;
  throw unsupportedMessage(
    `${path} is for the fanout exchange ${JSON.stringify(exchange)}, of which Redis keeps nothing for who does not listen just then`,
    "Send it to a queue, or to a topic exchange that each queue is bound to.",
  );
}

/** Options that hold signatures, whose text is passed on. All others become headers. */
const links: ReadonlySet<string> = new Set(["link", "link_error"]);
const lists: ReadonlySet<string> = new Set(["link", "link_error", "chain", "chord"]);
const maxOptionDepth = 50;

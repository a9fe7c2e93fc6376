/**
 * What a message says shall follow its task, checked before the task is run.
 *
 * @module
 */
import { isDeeperThan } from "../../shared/kept-payload/nesting.ts";
import { signatureList } from "./body.ts";
import type { Embed } from "./body.ts";
import { malformed, unsupportedMessage } from "./malformed.ts";
import { groupMembers, signatureOf } from "./signature.ts";
import type { Signature } from "./signature.ts";
import { times } from "./step.ts";

/**
 * Refuses a message whose next steps this engine does not know how to take, before anything of it is run.
 *
 * @throws PetioleError `ERR_ENGINE_UNSUPPORTED` for a chord, or a part of one
 */
export function refuseCanvas({ callbacks, errbacks, chain, chord }: Embed, timezone: string): void {
  if (chord !== undefined) throw chordError("it is part of a chord");
  for (const [index, text] of chain.entries()) {
    const path = `body[2].chain[${index}]`;
    const signature = signatureOf(text, path);
    const { options } = signature;
    if ((options.get("chord") ?? "null") !== "null")
      throw chordError("a step of its chain is part of a chord");
    if (index === chain.length - 1) refuseStep(signature, path, timezone, index > 0);
  }
  for (const [name, texts] of Object.entries({ callbacks, errbacks }))
    for (const [index, text] of texts.entries()) {
      const path = `body[2].${name}[${index}]`;
      refuseStep(signatureOf(text, path), path, timezone, false);
    }
}

function refuseStep(signature: Signature, path: string, timezone: string, isFollowed: boolean): void {
  checkOptions(signature, path, timezone);
  if ((signature.options.get("chord") ?? "null") !== "null") throw chordError(`${path} is part of a chord`);
  const members = groupMembers(signature, path);
  if (members === undefined) {
    if (/^celery\.(?:chord|chain|map|starmap|chunks)$/.test(signature.task))
      throw chordError(`${path} is a ${signature.task}`);
    return;
  }
  if (isFollowed) throw chordError(`${path} is a celery.group that something follows`);
  for (const [index, text] of members.entries()) {
    const place = `${path}.kwargs.tasks[${index}]`;
    const member = signatureOf(text, place);
    if (member.task === "celery.group") throw chordError(`${place} is a celery.group in a group`);
    refuseStep(member, place, timezone, false);
  }
}

/** What is wrong with a step is told before its task is run, and not after. */
function checkOptions(signature: Signature, path: string, timezone: string): void {
  for (const [name, text] of signature.options) {
    const place = `${path}.options.${name}`;
    if (lists.has(name)) signatureList(text, place);
    else if (isDeeperThan(text, maxOptionDepth))
      throw malformed(place, `at most ${maxOptionDepth} levels`, "more");
  }
  times(signature, timezone, 0, path);
}

/** Options that hold signatures, whose text is passed on. All others become headers. */
const lists: ReadonlySet<string> = new Set(["link", "link_error", "chain", "chord"]);
const maxOptionDepth = 50;

function chordError(what: string): Error {
  return unsupportedMessage(
    what,
    "Give it to a Python worker: send it to a queue that only those take from.",
  );
}

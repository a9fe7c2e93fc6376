/**
 * Signatures with something else in them.
 *
 * @module
 */
import { signatureList } from "./body.ts";
import { elementOf, withParts } from "./elements.ts";
import { stepsOf } from "./freezing.ts";
import { membersOf } from "./pieces.ts";
import { objectOf, signatureOf, withFields, withSignatureOptions } from "./signature.ts";

/** What follows it by its own options, before what its surroundings say. */
export function ownChain(options: ReadonlyMap<string, string>, role: string): readonly string[] {
  return signatureList(options.get("chain") ?? "null", `${role}.options.chain`);
}

/** The text of a body, which is followed by this. */
export function followed(text: string, chain: readonly string[], role: string): string {
  if (chain.length === 0) return text;
  const signature = signatureOf(text, role);
  const all = [...chain, ...ownChain(signature.options, role)];
  return withSignatureOptions(signature, { chain: `[${all.join(",")}]` });
}

/** The text with these options in place of its own. */
export function withOptions(text: string, shared: ReadonlyMap<string, string>, role: string): string {
  return shared.size === 0 ? text : withSignatureOptions(signatureOf(text, role), Object.fromEntries(shared));
}

/** With arguments by name that the chord was given for its header. */
export function withArguments(text: string, given: string, role: string): string {
  const named = membersOf(given, `${role}.kwargs.kwargs`);
  if (named.length === 0) return text;
  const element = elementOf(text, role);
  if (element.kind === "chain") {
    const [first, ...rest] = stepsOf(element, role);
    return first === undefined
      ? text
      : withParts(element, { tasks: [withArguments(first, given, role), ...rest] });
  }
  const { signature } = element;
  if (element.kind !== "task" || signature.immutable) return text;
  const own = membersOf(signature.kwargs, `${role}.kwargs`);
  const all = new Map([...own, ...named].map(({ name, value }) => [name, value]));
  return withFields(text, { kwargs: objectOf(all) });
}

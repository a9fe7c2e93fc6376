/**
 * From a value to the wire's tree and its text. All that cannot travel is found before anything is thrown.
 *
 * @module
 */
import { EncodeError, LimitError, attempt } from "../errors.ts";
import { Encoder, betterAsGraph } from "./encoder.ts";
import type { EncodeContext, EncodeSubject } from "./encode-context.ts";
import { checkBytes } from "./limits.ts";
import { isPlain } from "./plain.ts";
import { stringify } from "./stringify.ts";

/** A text, and the names of the value classes in it. */
export interface Encoded {
  readonly text: string;
  readonly types: readonly string[];
}

/**
 * Encodes a value.
 *
 * @throws EncodeError when something in it cannot travel
 * @throws LimitError when it is over a limit
 */
export function encode(value: unknown, context: EncodeContext, subject: EncodeSubject): Encoded {
  // A getter or a proxy may throw; the general way then says where.
  if (attempt(() => isPlain(value, context.limits, context.dialect)) === true) {
    const text = JSON.stringify(value);
    checkBytes(text, context.limits, subject.root);
    return { text, types: [] };
  }
  const { tree, types } = write(value, context, subject, "tree") ?? write(value, context, subject, "graph")!;
  const text = stringify(tree);
  checkBytes(text, context.limits, subject.root);
  return { text, types: [...types].sort() };
}

/** The wire's tree of a value; undefined when it had better be written as a graph. */
function write(
  value: unknown,
  context: EncodeContext,
  subject: EncodeSubject,
  as: "tree" | "graph",
): { readonly tree: unknown; readonly types: ReadonlySet<string> } | undefined {
  const encoder = new Encoder(context, subject, as);
  try {
    const tree = encoder.encode(value);
    const { list, count } = encoder.refusals;
    if (count > 0) throw new EncodeError(subject.what, list, count);
    return { tree, types: encoder.types };
  } catch (error) {
    const isDeep = error instanceof LimitError && error.limit === "depth";
    if (as === "tree" && context.dialect.pointers && (isDeep || error === betterAsGraph)) return undefined;
    throw error;
  }
}

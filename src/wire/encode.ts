/**
 * From a value to the wire's tree and its text. All that cannot travel is found before anything is thrown.
 *
 * @module
 */
import { EncodeError, LimitError, attempt } from "../errors.ts";
import { Encoder, OtherWay, graphDepth, type Way } from "./encoder.ts";
import type { EncodeContext, EncodeSubject } from "./encode-context.ts";
import { checkBytes } from "./limits.ts";
import { Buffers } from "./buffers.ts";
import { quickText } from "./quick.ts";
import { plainGraph } from "./plain-graph.ts";
import { scan } from "./plain.ts";
import { stringify } from "./stringify.ts";
import { node } from "./tag.ts";

/** A text, and the names of the value classes in it. */
export interface Encoded {
  readonly text: string;
  readonly types: readonly string[];
  /** What it costs to read beyond the text itself; nothing unless told. */
  readonly more?: { readonly nodes: number; readonly reserved: number };
}

const none: ReadonlySet<unknown> = new Set();
/** No value needs more, but one that is another each time it is read. */
const mostAttempts = 10;

const noBuffers = new Buffers(none);

/**
 * Encodes a value.
 *
 * @throws EncodeError when something in it cannot travel
 * @throws LimitError when it is over a limit
 */
export function encode(value: unknown, context: EncodeContext, subject: EncodeSubject): Encoded {
  // A handler that returns nothing has a result all the same.
  if (value === undefined && context.dialect.omitsUndefined) return { text: "null", types: [] };
  // A getter or a proxy may throw; the general way then says where.
  const finding = attempt(() => scan(value, context)) ?? "rich";
  const plain = finding === "plain" ? attempt(() => stringify(value)) : undefined;
  if (plain !== undefined) {
    checkBytes(plain, context.limits, subject.root);
    return { text: plain, types: [] };
  }
  if (finding === "graph" && context.limits.depth >= graphDepth) {
    const graph = attempt(() => plainGraph(value as object, context));
    if (graph) return { text: finished(node("graph", graph), context, subject), types: [] };
  }
  if (finding !== "graph") {
    const quick = quickText(value, context, { limits: context.limits, buffers: noBuffers });
    if (quick) {
      checkBytes(quick.text, context.limits, subject.root);
      return quick;
    }
  }
  let way: Way = { graph: false, tables: true, buffers: none };
  for (let attempts = 0; attempts < mostAttempts; attempts++) {
    const written = write(value, context, subject, way);
    if (!(written instanceof OtherWay)) return written;
    way = written.way;
  }
  const advice = "its getters give something else each time; send what they give";
  throw new EncodeError(subject.what, [{ path: subject.root, kind: "value that changes", advice }]);
}

/** The text of a value; another way where that suits it better. */
function write(value: unknown, context: EncodeContext, subject: EncodeSubject, way: Way): Encoded | OtherWay {
  const encoder = new Encoder(context, subject, way, encode);
  let tree: unknown;
  try {
    tree = encoder.encode(value);
  } catch (error) {
    const isDeep = error instanceof LimitError && error.limit === "depth" && !way.graph;
    if (isDeep && encoder.mayBeGraph) return new OtherWay({ ...way, graph: true });
    if (error instanceof OtherWay) return error;
    throw error;
  }
  const { list, count } = encoder.refusals;
  if (count > 0) throw new EncodeError(subject.what, list, count);
  const more = { nodes: encoder.budget.again, reserved: encoder.writing.buffers.reserved };
  return { text: finished(tree, context, subject), types: [...encoder.types].sort(), more };
}

function finished(tree: unknown, { limits }: EncodeContext, { root }: EncodeSubject): string {
  const text = stringify(tree);
  checkBytes(text, limits, root);
  return text;
}

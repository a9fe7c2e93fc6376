/** Plain data with very much sharing or great depth: looked through and made into a graph in one pass. @module */
import { type Column, GraphWriter } from "./graph-writer.ts";
import {
  hasClass,
  hasProperties,
  isData,
  isOddKey,
  isPlainList,
  isScalar,
  type ScanContext,
} from "./plain.ts";

/** With more second places than this, a graph is smaller than pointers. */
const mostShared = 2000;

/** Deeper data is put off, so that depth is no danger to the stack. */
const levelsAtOnce = 200;

/** Plain data as it becomes a graph. */
interface Pass {
  readonly context: ScanContext;
  readonly graph: GraphWriter;
  /** The objects, each with its number. */
  readonly numbers: Map<object, number>;
  /**
   * By number: the last column, then the cells. In those that are nodes are their numbers, still as they were given:
   * the first is the value's.
   */
  readonly rows: unknown[][];
  readonly later: { readonly value: object; readonly row: unknown[]; readonly level: number }[];
  /** What is left of the limits. */
  nodes: number;
  text: number;
  deepest: number;
  /** Second places of objects. */
  shared: number;
}

/**
 * The content of the graph that plain data makes. Undefined where pointers suit it better, where it is not plain, and
 * where it is over a limit.
 */
export function plainGraph(value: object, context: ScanContext): object | undefined {
  const { limits } = context;
  const graph = new GraphWriter();
  const pass: Pass = {
    context,
    graph,
    numbers: new Map(),
    rows: [],
    later: [],
    nodes: limits.nodes,
    text: limits.bytes,
    deepest: 0,
    shared: 0,
  };
  if (numberOf(value, 1, levelsAtOnce, pass) === undefined) return undefined;
  for (let next = pass.later.pop(); next; next = pass.later.pop()) {
    if (!fill(next.row, next.value, next.level, next.level + levelsAtOnce, pass)) return undefined;
  }
  if (pass.shared <= mostShared && pass.deepest <= limits.depth) return undefined;
  const nodes = finish(pass);
  // And the value, the tag with its two and the content with its two.
  return pass.text < 0 || pass.nodes < graph.shapeNodes + 5 ? undefined : graph.content(nodes);
}

/** The number of an object, which is looked through at its first place; undefined when it is not plain. */
function numberOf(value: object, level: number, most: number, pass: Pass): number | undefined {
  const { numbers } = pass;
  const known = numbers.get(value);
  if (known !== undefined) {
    pass.shared++;
    return known;
  }
  const number = numbers.size;
  numbers.set(value, number);
  const isList = Array.isArray(value);
  const length = isList ? value.length : Object.keys(value).length;
  // Getters may give something new for ever.
  pass.nodes -= length + 2;
  if (pass.nodes < 0) return undefined;
  // Of its full length at once: one that grows takes several times the memory.
  // oxlint-disable-next-line unicorn/no-new-array
  const row = new Array<unknown>(length + 1);
  pass.rows.push(row);
  if (level > most) pass.later.push({ value, row, level });
  else if (!fill(row, value, level, most, pass)) return undefined;
  return number;
}

/** Fills an object's row; false when it is not plain. */
function fill(row: unknown[], value: object, level: number, most: number, pass: Pass): boolean {
  if (level > pass.deepest) pass.deepest = level;
  if (hasClass(value)) return false;
  // Most lists of what is below something are empty.
  if (row.length === 1 && Array.isArray(value) && !hasProperties(value)) {
    row[0] = pass.graph.type("[]");
    return true;
  }
  if (Object.getOwnPropertySymbols(value).length > 0) return false;
  const column = Array.isArray(value)
    ? fillItems(row, value, level + 1, most, pass)
    : fillFields(row, value, level + 1, most, pass);
  if (!column) return false;
  row[0] = column;
  return true;
}

function fillFields(
  row: unknown[],
  value: object,
  level: number,
  most: number,
  pass: Pass,
): Column | undefined {
  const { context } = pass;
  if (context.registry.rows?.isRow?.(value)) return undefined;
  let column = pass.graph.type("{}");
  let at = 0;
  for (const key in value) {
    if (isOddKey(key, value, context)) return undefined;
    const inside = (value as Record<string, unknown>)[key];
    let cell: unknown = inside;
    const isNode = typeof inside === "object" && inside !== null;
    if (isNode) cell = numberOf(inside, level, most, pass);
    else if (typeof inside === "string") pass.text -= inside.length;
    else if (!isScalar(inside)) return undefined;
    if (cell === undefined) return undefined;
    column = column.after(key, isNode);
    row[++at] = cell;
  }
  return at === row.length - 1 && (at > 0 || isData(value)) ? column : undefined;
}

function fillItems(
  row: unknown[],
  items: readonly unknown[],
  level: number,
  most: number,
  pass: Pass,
): Column | undefined {
  if (!isPlainList(items) || items.length !== row.length - 1) return undefined;
  const list = pass.graph.type("[]");
  let nodes = 0;
  for (let index = 0; index < items.length; index++) {
    const inside = items[index];
    row[index + 1] = inside;
    if (typeof inside === "object" && inside !== null) nodes++;
    else if (typeof inside === "string") pass.text -= inside.length;
    else if (!isScalar(inside)) return undefined;
  }
  if (nodes === 0) return list;
  pass.nodes -= nodes;
  const areNodes = nodes === items.length;
  for (let at = 1; at < row.length; at++) {
    const inside = row[at];
    if (typeof inside !== "object" || inside === null) continue;
    const number = numberOf(inside, level, most, pass);
    if (number === undefined) return undefined;
    row[at] = areNodes ? number : [number];
  }
  return areNodes ? list.after("", true) : list;
}

/** Ends the rows: each begins with its shape. The value is the last node, so that all numbers are turned round. */
function finish({ graph, rows }: Pass): readonly unknown[] {
  const list = graph.type("[]");
  const nodeList = list.after("", true);
  const last = rows.length - 1;
  for (let index = last; index >= 0; index--) {
    const row = rows[index]!;
    let column = row[0] as Column;
    row[0] = graph.shapeOf(column);
    if (column === list) {
      for (const cell of row) if (Array.isArray(cell)) cell[0] = last - (cell[0] as number);
      continue;
    }
    for (let at = row.length - 1; at > 0; at--) {
      if (column.isNode) row[at] = last - (row[at] as number);
      if (column !== nodeList) column = column.above!;
    }
  }
  return rows.toReversed();
}

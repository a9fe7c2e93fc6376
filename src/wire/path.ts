/**
 * Where something is: as a person writes it, and as a pointer.
 *
 * Both are made of steps through the wire's own tree, which encoder and decoder keep.
 *
 * @module
 */
import { looksLikeTag, typeKey, valueKey } from "./tag.ts";

/** One step: a container of the wire's tree, and the key or index of what is in it. */
export type Step = readonly [container: object, key: string | number];

/** One step of a path: `.name`, `["odd name"]`, `[3]`. */
export function segmentOf(key: string | number): string {
  if (typeof key === "number") return `[${key}]`;
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

/** Characters. */
const longest = 2000;

/** The way along some steps, as a person writes it: `payload.items[3].price`, `payload.map.get("key")`. */
export function pathOf(root: string, steps: readonly Step[]): string {
  let path = root;
  for (let at = 0; at < steps.length; at++) {
    const [container, key] = steps[at]!;
    const isContent = key === valueKey && looksLikeTag(container);
    if (!isContent) {
      path += segmentOf(key);
      continue;
    }
    const [inside, below, cell] = steps.slice(at + 1, at + 4);
    switch (container[typeKey]) {
      case "map":
      case "object":
      case "bare":
      case "array":
        at += 2;
        if (below) path += entryPath(container[typeKey] === "map", inside![1], below);
        break;
      case "set":
        at += 1;
        if (inside) path += `.values()${segmentOf(inside[1])}`;
        break;
      case "error":
        // An error's own properties are one level deeper in its content than in the error.
        if (inside?.[1] === "properties") at += 1;
        break;
      case "graph":
        at += 2;
        if (below) path += ` (node ${below[1]})`;
        break;
      case "snapshots":
        at += 3;
        if (below) path += segmentOf(below[1]);
        if (cell)
          path +=
            cell[1] === 0
              ? ".pk"
              : `.fields${segmentOf(columnName(container[valueKey], (cell[1] as number) - 1))}`;
        break;
      case "table":
        at += 3;
        if (below) path += segmentOf(below[1]);
        if (cell) path += segmentOf(columnName(container[valueKey], cell[1]));
        break;
      default:
    }
  }
  return shortened(path);
}

/** A text for an error, its middle left out where it is long: that of a hostile text may be as long as the text. */
export function shortened(text: string): string {
  return text.length > longest ? `${text.slice(0, longest / 2)}…${text.slice(-longest / 2)}` : text;
}

function entryPath(isMap: boolean, index: string | number, [pair, side]: Step): string {
  const key: unknown = (pair as unknown[])[0];
  const isName = typeof key === "string" || typeof key === "number";
  if (isName && !isMap) return segmentOf(key);
  if (side === 0) return `.keys()[${index}]`;
  return isName || typeof key === "boolean" ? `.get(${JSON.stringify(key)})` : `.values()[${index}]`;
}

function columnName(content: unknown, index: string | number): string {
  const column = (content as { columns?: unknown[] }).columns?.[index as number];
  return String(Array.isArray(column) ? column[0] : column);
}

/** The RFC 6901 pointer along some steps, in the wire's own tree. */
export function pointerOf(steps: readonly Step[]): string {
  return steps.map(([, key]) => `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** The node at an RFC 6901 pointer; undefined where it leads nowhere. */
export function follow(pointer: unknown, tree: unknown): object | undefined {
  if (typeof pointer !== "string" || /^[^/]|~(?![01])/.test(pointer)) return undefined;
  let node: unknown = tree;
  for (const token of pointer.split("/").slice(1)) {
    const key = token.replaceAll("~1", "/").replaceAll("~0", "~");
    if (typeof node !== "object" || node === null || !Object.hasOwn(node, key)) return undefined;
    node = (node as Record<string, unknown>)[key];
  }
  return typeof node === "object" && node !== null ? node : undefined;
}

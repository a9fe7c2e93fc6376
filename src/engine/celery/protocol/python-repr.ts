/** Values as Python shows them, for messages that Celery writes so. @module */
import type { Json } from "../../../message.ts";

/** Deeper, it is not shown. */
const maxDepth = 20;

/** `'it'`, `42`, `None`, `[1, 'a']`: near enough to be read. */
export function pythonRepr(value: Json | undefined): string {
  return shown(value, 0);
}

function shown(value: unknown, depth: number): string {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "string") return quoted(value);
  if (typeof value !== "object") return String(value);
  if (depth > maxDepth) return "...";
  if (Array.isArray(value)) return `[${value.map((item) => shown(item, depth + 1)).join(", ")}]`;
  const members = Object.entries(value).map(([name, each]) => `${quoted(name)}: ${shown(each, depth + 1)}`);
  return `{${members.join(", ")}}`;
}

function quoted(text: string): string {
  const inner = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"');
  return inner.includes("'") && !inner.includes('"') ? `"${inner}"` : `'${inner.replaceAll("'", "\\'")}'`;
}

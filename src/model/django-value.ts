/** One value in Django's JSON. @module */
import { describe, type Refusal } from "../errors.ts";
import { Foreign } from "../wire/foreign.ts";

/** `JSON.rawJSON`, which writes digits that no number holds. TypeScript does not know it yet. */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

/** What `JSON.stringify` writes as Django's encoder would; null, and a refusal, for what it has no form for. */
export function djangoValue(value: unknown, path: string, refusals: Refusal[]): unknown {
  const refuse = (advice: string): null => {
    refusals.push({ path, kind: describe(value), advice });
    return null;
  };
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      return Number.isFinite(value) ? value : refuse("Django's JSON has finite numbers only");
    case "bigint":
      return rawJSON(String(value));
    case "object":
      return value === null ? null : djangoObject(value, path, refusals, refuse);
    default:
      return refuse("Django's JSON has no form for it");
  }
}

function djangoObject(
  value: object,
  path: string,
  refusals: Refusal[],
  refuse: (advice: string) => null,
): unknown {
  if (value instanceof Date) {
    return Number.isNaN(value.getTime()) ? refuse("it is no date") : value.toISOString();
  }
  if (value instanceof Uint8Array) {
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64");
  }
  if (value instanceof Foreign) {
    const { tag, text } = value;
    return tag === "uuid" ? text.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5") : text;
  }
  // Temporal's, where the runtime has it.
  if (Object.prototype.toString.call(value).startsWith("[object Temporal.")) return String(value);
  if (Array.isArray(value)) {
    return value.map((item, index) => djangoValue(item, `${path}[${index}]`, refusals));
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) return refuse("Django's JSON has no form for it");
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(
    entries.map(([key, item]) => [key, djangoValue(item, `${path}.${key}`, refusals)]),
  );
}

/**
 * How a message's payload, which is text, lies in an engine that keeps JSON: as JSON that people and other programs can
 * read, where that comes out as the same text, and as one JSON string where it would not.
 *
 * @module
 */
import type { Json } from "./message.ts";

/** What keeps the JSON: as the text that it is (Redis), or as PostgreSQL's `jsonb`, which normalises it. */
export type JsonStore = "text" | "jsonb";

/**
 * How the payload lies there. `json`: as the JSON that it is. `string`: its text as one JSON string. `keys`: as JSON whose
 * objects had these keys in these orders, where the store has changed them.
 */
export type PayloadForm = "json" | "string" | { readonly keys: readonly (readonly string[])[] };

/** A payload as it lies in the engine. */
export interface KeptPayload {
  readonly data: Json;
  /** To be kept beside `data`. */
  readonly form: PayloadForm;
}

/** What to keep of a payload's text, so that {@link payloadOf} gives the same text. */
export function keptPayload(text: string, _store: JsonStore): KeptPayload {
  return { data: text, form: "string" };
}

/** The text of what {@link keptPayload} gave, or of JSON that others wrote, which has no form. */
export function payloadOf(data: Json, form: PayloadForm = "json"): string {
  return form === "string" ? String(data) : JSON.stringify(data);
}

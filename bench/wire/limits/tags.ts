import type { Codec } from "../case.ts";
import { Address } from "../rich-job.ts";
import { dateOf, isoOf } from "./date.ts";

/** For c: a walk that writes the text at once. Back: JSON, then a walk that puts values in their places. */
export const tags: Codec = {
  encode: write,
  decode: (text: string) => read(JSON.parse(text)),
};

const firstKeys = new Map<string, string>();
const otherKeys = new Map<string, string>();

function write(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return `{"__type__":"bigint","__value__":"${value}"}`;
  if (typeof value !== "object" || value === null) return String(value);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype) return writeObject(value as Record<string, unknown>);
  if (prototype === Date.prototype)
    return `{"__type__":"datetime","__value__":"${isoOf(value as Date)}+00:00"}`;
  if (prototype === Map.prototype) {
    let text = "";
    for (const [key, item] of value as Map<unknown, unknown>) {
      text += `${text === "" ? "[" : ",["}${write(key)},${write(item)}]`;
    }
    return `{"__type__":"map","__value__":[${text}]}`;
  }
  if (prototype === Set.prototype) {
    let text = "";
    for (const item of value as Set<unknown>) text += (text === "" ? "" : ",") + write(item);
    return `{"__type__":"set","__value__":[${text}]}`;
  }
  const { street, city, postcode, country } = value as Address;
  return `{"__type__":"shop.Address","__value__":{"street":${write(street)},"city":${write(city)},"postcode":${write(postcode)},"country":${write(country)}}}`;
}

function writeObject(value: Record<string, unknown>): string {
  let text = "";
  let keys = firstKeys;
  for (const key in value) {
    let start = keys.get(key);
    if (start === undefined) {
      start = `${keys === firstKeys ? "{" : ","}${JSON.stringify(key)}:`;
      keys.set(key, start);
    }
    text += start + write(value[key]);
    keys = otherKeys;
  }
  return `${text}}`;
}

function read(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++) value[at] = read(value[at]);
    return value;
  }
  const object = value as Record<string, unknown>;
  for (const key in object) {
    if (key === "__type__") return make(object[key] as string, object["__value__"]);
    const item = object[key];
    if (typeof item === "object" && item !== null) object[key] = read(item);
  }
  return object;
}

function make(type: string, content: unknown): unknown {
  if (type === "datetime") return dateOf(content as string);
  if (type === "bigint") return BigInt(content as string);
  if (type === "map") return new Map(read(content) as [unknown, unknown][]);
  if (type === "set") return new Set(read(content) as unknown[]);
  const { street, city, postcode, country } = content as Address;
  return new Address(street, city, postcode, country);
}

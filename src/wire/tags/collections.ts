/** Map and Set: order, any kind of key, cycles through themselves. @module */
import { Malformed, type Tag } from "../tag.ts";

export const mapTag: Tag<Map<unknown, unknown>> = {
  name: "map",
  layout: "entries",
  identity: true,
  write: (value) => Array.from(Map.prototype.entries.call(value)),
  open: () => new Map(),
  read(content, _reading, opened) {
    const entries = content as [unknown, unknown][];
    for (const [key, value] of entries) opened!.set(key, value);
    if (opened!.size !== entries.length) throw new Malformed("keys that differ", "a key twice");
    return opened!;
  },
};

export const setTag: Tag<Set<unknown>> = {
  name: "set",
  layout: "items",
  identity: true,
  write: (value) => Array.from(Set.prototype.values.call(value)),
  open: () => new Set(),
  read(content, _reading, opened) {
    const items = content as unknown[];
    for (const item of items) opened!.add(item);
    if (opened!.size !== items.length) throw new Malformed("items that differ", "an item twice");
    return opened!;
  },
};

/** How a value class is made known to a wire: its tags, and those of its older versions and former names. @module */
import { tableForm } from "./table-reader.ts";
import { writeTable } from "./table-writer.ts";
import type { Registry } from "./registry.ts";
import type { Tag } from "./tag.ts";
import { checkName, wrongName, type RetiredType, type ValueType } from "./value-type.ts";

/** @throws PetioleError `ERR_TYPE_NAME` when its name is taken, or its class is known already */
export function registerType(
  type: ValueType | RetiredType,
  { byPrototype, byName, forms, types, retired }: Registry,
): void {
  const { name, version = 1, aliases = [], layout } = type;
  const isRetired = "replace" in type;
  forms.set("table", tableForm);
  for (const known of [name, ...aliases]) {
    checkName(known, "a value class");
    if (byName.has(known)) throw wrongName(`Two value classes are named ${known}: each needs its own name.`);
    for (let at = 1; at <= version; at++) {
      const written = at === 1 ? known : `${known}@${at}`;
      const read = isRetired ? (content: unknown) => type.replace(content, at) : reader(type, at, version);
      const write = isRetired ? read : (instance: unknown) => type.encode(instance as object);
      const tag: Tag = {
        name: written,
        layout,
        identity: true,
        keepsProperties: true,
        // Of a class that was adopted, its declared fields are what travels, whatever else it holds.
        keepsSymbols: !("holdsOnly" in type),
        isClass: true,
        write,
        read,
      };
      // What was written by an older version goes through its upgrades, and is no table of today's.
      byName.set(written, isRetired || at < version ? tag : { ...tag, ...tablePartsOf(type) });
      types.add(written);
      if (isRetired && !type.isReplaced) retired.add(written);
    }
  }
  if (isRetired) return;
  const prototype = type.class.prototype as object;
  const there = byPrototype.get(prototype);
  if (there?.isClass)
    throw wrongName(`${type.class.name} is registered twice, as ${there.name} and ${name}.`);
  if (there || prototype === Object.prototype || prototype === Array.prototype)
    throw wrongName(
      `${name} stands for ${type.class.name}, which travels as itself; it cannot be a value class.`,
    );
  byPrototype.set(prototype, byName.get(version === 1 ? name : `${name}@${version}`)!);
}

/** What tables of its instances need to know. */
function tablePartsOf(
  type: ValueType,
): Pick<Tag, "columns" | "prototype" | "holdsOnly" | "make" | "exact" | "writeList"> {
  return {
    columns: type.columns,
    ...(type.columns && { writeList: writeTable }),
    prototype: type.class.prototype as object,
    ...(type.holdsOnly && { holdsOnly: (instance: object) => type.holdsOnly!(instance) }),
    ...(type.make && {
      make: (fields: object) => type.make!(fields),
      exact: (made: unknown) => type.exact!(made),
    }),
  };
}

function reader(type: ValueType, from: number, version: number): (content: unknown) => object {
  if (from === version) return (content) => type.decode(content);
  return (content) => type.decode(type.upgrade ? type.upgrade(content, from) : content);
}

/**
 * What only the text of a Prisma schema tells: which fields identify a row, and the types of columns.
 *
 * @module
 */

/** What was read of a schema, by name. */
export interface Schema {
  readonly models: ReadonlyMap<string, SchemaModel>;
  /** The values of each enum. */
  readonly enums: ReadonlyMap<string, readonly string[]>;
}

/** One model of a schema. */
export interface SchemaModel {
  /** The fields of `@id` or `@@id`; undefined when it has neither. */
  readonly key: readonly string[] | undefined;
  /** What Prisma calls keys of several fields, by these fields: `userId,groupId` → `userId_groupId`. */
  readonly compoundNames: ReadonlyMap<string, string>;
  readonly fields: ReadonlyMap<string, SchemaField>;
}

/** What is said of one field. */
export interface SchemaField {
  readonly isOptional: boolean;
  /** What follows `@db.`: `Uuid`, `SmallInt`. */
  readonly nativeType: string | undefined;
}

/** Reads a schema. What is not understood is left out. */
export function parseSchema(text: string): Schema {
  const models = new Map<string, SchemaModel>();
  const enums = new Map<string, readonly string[]>();
  let block: { readonly kind: string; readonly name: string; readonly lines: string[] } | undefined;
  for (const line of linesOf(text)) {
    const [, kind, name] = /^(\w+)\s+(\w+)\s*\{$/.exec(line) ?? [];
    if (block === undefined) {
      if (kind !== undefined && name !== undefined) block = { kind, name, lines: [] };
    } else if (line !== "}") block.lines.push(line);
    else {
      if (block.kind === "model" || block.kind === "view") models.set(block.name, parseModel(block.lines));
      if (block.kind === "enum")
        enums.set(block.name, block.lines.filter((each) => !each.startsWith("@@")).map(fieldNameOf));
      block = undefined;
    }
  }
  return { models, enums };
}

/** The lines that say something, without comments. */
function linesOf(text: string): readonly string[] {
  const code = text.replaceAll(/"(?:[^"\\\n]|\\.)*"|\/\/[^\n]*|\/\*.*?\*\//gs, (part) =>
    part.startsWith('"') ? part : "",
  );
  return code
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

function withoutTexts(code: string): string {
  return code.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""');
}

function parseModel(lines: readonly string[]): SchemaModel {
  const fields = new Map<string, SchemaField>();
  const compoundNames = new Map<string, string>();
  let key: readonly string[] | undefined;
  for (const line of lines) {
    const compound = /^@@(id|unique)\s*\((.*)\)$/.exec(line);
    const members = /\[([^\]]*)\]/
      .exec(compound?.[2] ?? "")?.[1]
      ?.split(",")
      .map(fieldNameOf);
    if (members !== undefined) {
      compoundNames.set(members.join(), /\bname:\s*"(\w+)"/.exec(line)?.[1] ?? members.join("_"));
      if (compound?.[1] === "id") key = members;
    }
    const field = /^(\w+)\s+\w+(?:\(""\))?(?:\[\])?(\?)?(.*)$/.exec(withoutTexts(line));
    if (field === null) continue;
    const [, name = "", optional, attributes = ""] = field;
    const nativeType = /@\w+\.(\w+)/.exec(attributes)?.[1];
    fields.set(name, { isOptional: optional !== undefined, nativeType });
    if (/\s@id\b/.test(attributes)) key = [name];
  }
  return { key, compoundNames, fields };
}

/** `name` of `name(sort: Desc)`, and of `name @map("other")`. */
function fieldNameOf(member: string): string {
  return /\w+/.exec(member)?.[0] ?? "";
}

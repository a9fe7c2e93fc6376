/** The vectors: texts of version 1, which decode for good, and what each stands for. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { DecodeError } from "../../src/wire/index.ts";
import { valueOf } from "./describe.ts";
import { wire } from "./places.ts";
import { difference } from "./same.ts";

interface Vector {
  readonly name: string;
  readonly value: unknown;
  readonly text: string;
  readonly canonical: boolean;
}

interface Refused {
  readonly name: string;
  readonly text: string;
  readonly why: string;
}

const read = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`vectors/${name}.json`, import.meta.url), "utf8"));
const { version, vectors } = read("v1-values") as { version: number; vectors: Vector[] };
const { refused } = read("v1-refused") as { refused: Refused[] };

const hasTemporal = "Temporal" in globalThis;
const hasFloat16 = "Float16Array" in globalThis;

function missing({ text }: { readonly text: string }): string | undefined {
  if (!hasTemporal && /"(date|time|instant|zoned|local|month|day|duration)",/.test(text))
    return "no Temporal here";
  return !hasFloat16 && text.includes("Float16Array") ? "no Float16Array here" : undefined;
}

test("they are of version 1, each with a name of its own", () => {
  expect(version).toBe(1);
  for (const names of [vectors, refused].map((list) => list.map(({ name }) => name))) {
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toStrictEqual([]);
  }
});

describe("texts and what they stand for", () => {
  for (const vector of vectors) {
    const reason = missing(vector);
    test.skipIf(reason)(`${vector.name}${reason ? ` (${reason})` : ""}`, () => {
      const value = valueOf(vector.value);
      expect(difference(value, wire.decode(vector.text))).toBeUndefined();
      if (vector.canonical) expect(wire.encode(value)).toBe(vector.text);
      // Whatever way the encoder chooses, it stands for the same.
      expect(difference(value, wire.decode(wire.encode(value)))).toBeUndefined();
    });
  }
});

describe("texts that are refused", () => {
  for (const { name, text } of refused) {
    test(name, () => {
      expect(() => wire.decode(text)).toThrow(DecodeError);
    });
  }
});

test("every tag of docs/wire.md has vectors", () => {
  const page = readFileSync(new URL("../../docs/wire.md", import.meta.url), "utf8");
  const section = page.slice(page.indexOf("## Tags"), page.indexOf("### Dates"));
  const names = [...section.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name!);
  expect(names.length).toBeGreaterThan(10);
  const all = vectors.map(({ text }) => text).join("\n");
  expect(names.filter((name) => !all.includes(`"__type__":"${name}"`))).toStrictEqual([]);
});

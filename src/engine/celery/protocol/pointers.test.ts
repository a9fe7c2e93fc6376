import { expect, test } from "vitest";
import { movePointers, partsOf, pointerPart } from "./pointers.ts";

const same = (pointer: string): string => `{"__type__":"same","__value__":${JSON.stringify(pointer)}}`;
const moved = (text: string): string => movePointers(text, "payload", (pointer) => `/1${pointer}`);

test.each([
  ["one", `{"a":{},"b":${same("/a")}}`, `{"a":{},"b":${same("/1/a")}}`],
  ["the root", `{"a":${same("")}}`, `{"a":${same("/1")}}`],
  [
    "in arrays and tags",
    `[[],{"__type__":"map","__value__":[[${same("/0")},1]]}]`,
    `[[],{"__type__":"map","__value__":[[${same("/1/0")},1]]}]`,
  ],
  [
    "with its keys the other way round",
    '[{"__value__":"/a","__type__":"same"}]',
    '[{"__value__":"/1/a","__type__":"same"}]',
  ],
  [
    "with whitespace",
    '[{ "__type__" : "same" , "__value__" : "/a" }]',
    '[{ "__type__" : "same" , "__value__" : "/1/a" }]',
  ],
  [
    "with escapes",
    '[{"__\\u0074ype__":"sam\\u0065","__value__":"\\/a"}]',
    '[{"__\\u0074ype__":"sam\\u0065","__value__":"/1/a"}]',
  ],
  [
    "with a key twice, of which the last holds",
    '[{"__type__":"x","__type__":"same","__value__":1,"__value__":"/a"}]',
    '[{"__type__":"x","__type__":"same","__value__":1,"__value__":"/1/a"}]',
  ],
  [
    "after a tag of the same key",
    `[{"__type__":${same("/b")},"__value__":"/a","__type__":"same"}]`,
    `[{"__type__":${same("/1/b")},"__value__":"/1/a","__type__":"same"}]`,
  ],
])("moves a pointer: %s", (_, text, expected) => {
  expect(moved(text)).toBe(expected);
});

test.each([
  ["text that looks like one", '["{\\"__type__\\":\\"same\\",\\"__value__\\":\\"/a\\"}"]'],
  ["an object with a third key", '{"__type__":"same","__value__":"/a","b":1}'],
  ["another tag", '[{"__type__":"text","__value__":"/a"},"same"]'],
  ["content that is no text", '[{"__type__":"same","__value__":["/a"]},{"__type__":"same","__value__":1}]'],
  ["content that is no pointer", '[{"__type__":"same","__value__":"a"}]'],
  ["a type that is no text in the end", '[{"__type__":"same","__value__":"/a","__type__":true}]'],
  [
    "rows as they were, whose text is their own",
    `{"__type__":"ref","__value__":{"model":"a.B","pk":1,"was":{"x":[],"y":${same("/x")}}}}`,
  ],
])("leaves %s", (_, text) => {
  expect(moved(text)).toBe(text);
});

test("tells what is in a row as it was from what is beside it", () => {
  const was = (inside: string): string => `{"__value__":{"was":{"y":${inside}},"pk":1},"__type__":"ref"}`;
  const text = `[${same("/a")},${was(`[${same("/x")},${was(same("/x"))}]`)},${same("/b")},{"was":${same("/c")}}]`;
  const expected = `[${same("/1/a")},${was(`[${same("/x")},${was(same("/x"))}]`)},${same("/1/b")},{"was":${same("/1/c")}}]`;
  expect(moved(text)).toBe(expected);
});

test("does not look again at each pointer for each of 50,000 references that are in each other", () => {
  const depth = 50_000;
  const text =
    '{"__type__":"ref","__value__":{"was":{},"x":'.repeat(depth) +
    `[${Array.from({ length: depth }, () => same("/a")).join(",")}]` +
    "}}".repeat(depth);
  expect(moved(text)).toContain(same("/1/a"));
});

test("parts", () => {
  expect(partsOf("")).toStrictEqual([]);
  expect(partsOf("/")).toStrictEqual([""]);
  expect(partsOf("/a~1b/~01/0")).toStrictEqual(["a/b", "~1", "0"]);
  expect(partsOf("a")).toBeUndefined();
  expect(pointerPart("a/b~1")).toBe("a~1b~01");
});

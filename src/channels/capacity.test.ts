import { expect, test } from "vitest";
import { capacityOf } from "./capacity.ts";

const names = "http.request httpx abc ac ax cx a[ a]c abc1 q.x!y a.b aXb b1 d1 (x) x [] !b ]b bb ab".split(
  " ",
);

// What Python's fnmatch.translate makes of them.
test.each([
  ["http.*", ["http.request"]],
  ["a?c", ["abc", "a]c"]],
  ["[ab]x", ["ax"]],
  ["[!ab]x", ["cx"]],
  ["a[", ["a["]],
  ["a[]b]c", ["abc", "a]c"]],
  ["*.x!*", ["q.x!y"]],
  ["a.b", ["a.b"]],
  ["[a-c]1", ["b1"]],
  ["(x)", ["(x)"]],
  ["[]", ["[]"]],
  ["[!]a]b", ["!b", "bb"]],
])("%s matches what it does in Python", (pattern, expected) => {
  const capacity = capacityOf(100, { [pattern]: 7 });
  expect(names.filter((name) => capacity(name) === 7)).toEqual(expected);
});

test("the first that matches holds; an expression matches from the beginning, each time", () => {
  const capacity = capacityOf(100, [
    [/b/g, 1],
    ["a*", 2],
    [/a|c/, 3],
  ]);
  for (let round = 0; round < 2; round++)
    expect(["b", "bc", "ab", "cb", "d"].map(capacity)).toEqual([1, 1, 2, 3, 100]);
});

test.each([
  ["a text", "http.*"],
  ["null", null],
  ["a capacity of 0", { "*": 0 }],
  ["a capacity that is a text", { "*": "5" }],
  ["a list of no pairs", ["*"]],
  ["a pair whose pattern is a number", [[5, 5]]],
  ["a range that goes backwards", { "[c-a]": 5 }],
])("refuses %s", (_, patterns) => {
  expect(() => capacityOf(100, patterns as never)).toThrow(
    expect.objectContaining({
      code: "ERR_OPTION_INVALID",
      message: expect.stringContaining("channelCapacity"),
    }),
  );
});

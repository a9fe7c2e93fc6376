/** Small texts that claim to be large values. @module */

const tag = (name: string, content: string): string => `{"__type__":"${name}","__value__":${content}}`;
const times = (count: number, item: string | ((index: number) => string)): string =>
  Array.from({ length: count }, (_, index) => (typeof item === "string" ? item : item(index))).join();
const same = (pointer: string): string => tag("same", JSON.stringify(pointer));
const columns = (count: number): string => times(count, (index) => `"k${index}":1`);

/** Each by its name: the text of a size. */
export const bombs: Readonly<Record<string, (size: number) => string>> = {
  "the length of a typed array": (n) => `[${times(n, tag("Uint8Array", "2147483647"))}]`,
  "the length of a view": (n) =>
    `[${times(n, tag("Uint8Array", `[${tag("ArrayBuffer", '""')},0,2147483647]`))}]`,
  "the length of something like an array": (n) =>
    `[${times(n, tag("Float64Array", '{"length":268435456}'))}]`,
  "the greatest length of an array": (n) => `[${times(n, tag("array", '[["length",4294967295]]'))}]`,
  "a length of an array that an engine allocates": (n) =>
    `[${times(n, tag("array", '[["length",33554431]]'))}]`,
  "a smaller length of an array": (n) => `[${times(n, tag("array", '[["length",1000000],[0,1]]'))}]`,
  "a length of an array, its last item given": (n) =>
    `[${times(n, tag("array", '[["length",30000000],[29999999,1]]'))}]`,
  "the most that a buffer may grow to": (n) => `[${times(n, tag("ArrayBuffer", '["",1073741824]'))}]`,
  "the greatest number for what a buffer may grow to": (n) =>
    `[${times(n, tag("ArrayBuffer", '["",9007199254740991]'))}]`,
  "digits of a bigint": (n) => tag("bigint", `"${"9".repeat(n * 1000)}"`),
  "one object as the columns of many snapshots": (n) =>
    `[{${columns(n)}},${times(n, tag("snapshot", `{"model":"a.B","pk":1,"fields":${same("/0")}}`))}]`,
  "one object as the properties of many errors": (n) =>
    `[{${columns(n)}},${times(n, tag("error", `{"name":"Error","properties":${same("/0")}}`))}]`,
  "one list as the form of many instances": (n) =>
    `[[${times(n, "1")}],${times(n, tag("test.Numbers", `{"list":${same("/0")}}`))}]`,
  "items of a list that are all of another type": (n) =>
    tag("test.Numbers", `{"list":[${times(n * 500, "true")}]}`),
  "fields that a class does not have": (n) =>
    tag("test.Numbers", `{${times(n * 100, (index) => `"k${index}":1`)}}`),
  "columns of a table without cells": (n) =>
    tag(
      "table",
      `{"type":"test.Box","columns":[${times(n, (index) => `"c${index}"`)}],"rows":[${times(n, "[]")}]}`,
    ),
  "columns of snapshots without cells": (n) =>
    tag(
      "snapshots",
      `{"model":"a.B","columns":[${times(n, (index) => `"c${index}"`)}],"rows":[${times(n, "[]")}]}`,
    ),
  // Of one such reference, what it asks for is just within the limits.
  "what is copied many times in the fields of many references": (n) => {
    const was = `{"a":[${times(1_300, "1")}],"b":[${times(1_300, tag("test.Stack", same("/a")))}]}`;
    return `[${times(Math.ceil(n / 20), tag("ref", `{"model":"a.B","pk":1,"was":${was}}`))}]`;
  },
  "the most that buffers may grow to, in the fields of many references": (n) =>
    `[${times(n, tag("ref", `{"model":"a.B","pk":1,"was":{"a":${tag("ArrayBuffer", '["",16000000]')}}}`))}]`,
  "fields in fields of references": (n) =>
    tag("ref", '{"model":"a.B","pk":1,"was":{"a":{"__type__":"ref","__value__":').slice(0, -1).repeat(n),
  "fields that a digest is of": (n) =>
    tag("ref", `{"model":"a.B","pk":1,"digest":{"sha256":"x","fields":[${times(n * 10, '"body"')}]}}`),
  "relations of a reference": (n) =>
    tag("ref", `{"model":"a.B","pk":1,"with":[${times(n * 10, '"author"')}]}`),
  "shapes and nodes of a graph": (n) =>
    tag("graph", `{"shapes":[["{}",${times(n, (index) => `"k${index}"`)}]],"nodes":[${times(n, "[0]")}]}`),
  "a graph in which each node holds the one before twice": (n) =>
    tag("graph", `[[1],${times(n, (index) => `[[${index}],[${index}]]`)}]`),
  "a part that is larger than its expression": (n) =>
    tag("regexp", `["(?:${"(?:a{1000}){1000}".repeat(n)})","g"]`),
  escapes: (n) => `["${"\\u0041".repeat(n * 100)}"]`,
};

import * as fc from "fast-check";
import { expect, test } from "vitest";
import { isNestedDeeper, jsonText } from "./header-values.ts";
import { fromKept, keptMessage } from "./kept.ts";
import type { CeleryMessage } from "./message.ts";

const message: CeleryMessage = {
  queue: "celery",
  headers: { task: "t", id: "i", timelimit: [null, 1.5], petiole: '{"wire":1}' },
  contentType: "application/json",
  contentEncoding: "utf-8",
  body: Buffer.from([0, 255, 128]),
  replyTo: "me",
  priority: 3,
};

function carried(kept: CeleryMessage): CeleryMessage {
  return fromKept(JSON.parse(JSON.stringify(keptMessage(kept))) as ReturnType<typeof keptMessage>);
}

const deep = JSON.parse("[".repeat(100_000) + "]".repeat(100_000)) as unknown;

test.each<[string, object]>([
  ["plain ones", {}],
  ["bytes, as RabbitMQ has them", { bytes: Buffer.from([1, 2, 255]) }],
  ["own `__proto__`", JSON.parse('{"__proto__":{"a":1}}') as object],
  [
    "what looks like ours",
    { a: { "petiole:bytes": "AAA=" }, b: { "petiole:json": "5" }, c: { "petiole:json": 5 } },
  ],
])("any message is kept as it is, with headers: %s", (_, headers) => {
  const kept = { ...message, headers: { ...message.headers, ...headers } };
  expect(carried(kept)).toStrictEqual(kept);
});

test("with headers of 100,000 levels", () => {
  const back = carried({ ...message, headers: { ...message.headers, deep } });
  expect(jsonText(back.headers["deep"])).toBe(jsonText(deep));
});

test.each([null, {}, { body: 5, headers: {} }, { body: "" }, { body: "", headers: [] }])(
  "%j is no message",
  (kept) => {
    expect(() => fromKept(kept as never)).toThrow(expect.objectContaining({ code: "ERR_TEXT_UNDECODABLE" }));
  },
);

test("one that lies there otherwise is what it is", () => {
  const headers = { task: "t", id: "i", a: { "petiole:json": "{" } };
  expect(fromKept({ ...message, headers, body: "" }).headers).toStrictEqual(headers);
});

test("JSON is written as JSON.stringify does, and depth is what it is", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(jsonText(value)).toBe(JSON.stringify(value));
    }),
  );
  expect(isNestedDeeper(5, 0)).toBe(false);
  expect(isNestedDeeper([], 0)).toBe(true);
  expect(isNestedDeeper([], 1)).toBe(false);
  expect(isNestedDeeper([[1]], 2)).toBe(false);
  expect(isNestedDeeper([[1, {}]], 2)).toBe(true);
  expect(isNestedDeeper(deep, 99_999)).toBe(true);
  expect(isNestedDeeper(deep, 100_000)).toBe(false);
  expect(isNestedDeeper(Buffer.alloc(10), 0)).toBe(false);
});

/** A small canvas whose messages would be large. */
import { expect, test } from "vitest";
import { checkCanvas } from "./canvas.ts";
import { received } from "./receiving.ts";
import { sentWith } from "./weight.ts";

const settings = { hostname: "h", origin: "o", tasks: {}, exceptions: {}, chords: true };
const maxBytes = 1_000_000;

const task = { task: "a" };
const many = (count: number): object[] => Array.from({ length: count }, () => task);
const long = { task: "b", args: ["x".repeat(10_000)] };
const chord = (header: readonly object[], body: object): object => ({
  task: "celery.chord",
  kwargs: { header, body },
});
const chain = (tasks: readonly object[], options: object = {}): object => ({
  task: "celery.chain",
  kwargs: { tasks },
  options,
});
const group = (tasks: readonly object[], options: object = {}): object => ({
  task: "celery.group",
  kwargs: { tasks },
  options,
});
const chunks = (of: object, count: number): object => ({
  task: "celery.chunks",
  kwargs: { task: of, it: Array.from({ length: count }, () => []), n: 1 },
});

function receive(embed: object): void {
  const body = Buffer.from(JSON.stringify([[], {}, embed]));
  received(
    {
      queue: "q",
      headers: { task: "t", id: "i" },
      contentType: "application/json",
      contentEncoding: "utf-8",
      body,
    },
    { ...settings, maxBytes },
  );
}

const large: Readonly<Record<string, object>> = {
  "a chord's body in each task of its header": chord(many(200), long),
  "the body of a chord within another's header": chord([chord(many(200), task)], long),
  "what follows a group in each of its tasks": chain([group(many(200)), long]),
  "errbacks of a chain in each of its steps": chord([task], chain(many(200), { link_error: [long] })),
  "options of a group in each of its tasks": group(many(200), { headers: { x: "x".repeat(10_000) } }),
  "arguments by name of a chord's header": {
    task: "celery.chord",
    kwargs: { header: many(200), body: task, kwargs: { x: "x".repeat(10_000) } },
  },
  "groups one after the other": chain([...Array.from({ length: 45 }, () => group([task])), long, long, long]),
};

test.each(Object.keys(large))("%s", (name) => {
  const limit = {
    code: "ERR_PAYLOAD_LIMIT",
    message: expect.stringMatching(/repeats in its messages/) as string,
  };
  const canvas = large[name]!;
  expect(() => checkCanvas(JSON.stringify(canvas), "canvas", { ...settings, maxBytes })).toThrow(
    expect.objectContaining(limit),
  );
  for (const embed of [{ chain: [canvas] }, { callbacks: [task, canvas] }, { errbacks: [canvas] }])
    expect(() => receive(embed)).toThrow(expect.objectContaining(limit));
});

test("what many callbacks come to together", () => {
  const one = chord(many(30), long);
  receive({ callbacks: [one] });
  expect(() => receive({ callbacks: Array.from({ length: 10 }, () => one) })).toThrow(
    /repeats in its messages/,
  );
});

test("what is left of a chain after a group", () => {
  expect(() => receive({ chain: [long, group(many(200))] })).toThrow(/repeats in its messages/);
});

test("what chunks repeat, before there is a text for each of them", () => {
  const started = performance.now();
  expect(() => receive({ callbacks: [chunks(long, 300_000)] })).toThrow(
    /The task that the chunks of .* repeat is over the limit `bytes`/,
  );
  expect(() => receive({ callbacks: [chunks(long, 200)] })).toThrow(/repeats in its messages/);
  receive({ callbacks: [chunks(long, 50)] });
  expect(performance.now() - started).toBeLessThan(10_000);
});

test("what is large, and is said once, is no matter", () => {
  const big = { task: "b", args: ["x".repeat(3_000_000)] };
  const limit = { ...settings, maxBytes };
  checkCanvas(JSON.stringify(chain([task, big, task])), "canvas", limit);
  checkCanvas(JSON.stringify(chord([task], big)), "canvas", limit);
  checkCanvas(JSON.stringify(group([big, big])), "canvas", limit);
  checkCanvas(JSON.stringify(chain([task, group(many(50)), { task: "b" }])), "canvas", limit);
});

test("a chain of more groups than there are levels is refused before the first of them is sent", () => {
  const groups = Array.from({ length: 60 }, () => group([task, task]));
  expect(() => receive({ callbacks: [chain([...groups, task])] })).toThrow(/at most 50 levels of canvas/);
  receive({ callbacks: [chain([...groups.slice(0, 40), task])] });
});

test("it is what the messages have in them, and not much more", () => {
  const body = JSON.stringify(long).length;
  const weight = sentWith(JSON.stringify(chord(many(200), long)), "canvas", 0);
  expect(weight / (200 * body)).toBeCloseTo(1, 2);
});

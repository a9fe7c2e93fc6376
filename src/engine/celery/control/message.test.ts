/** Control messages from anyone: read, or left alone; and patterns, rates and warnings. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { controlBody, readControl } from "./message.ts";
import { matches, matchesGlob } from "./matcher.ts";
import { rateOf, TaskLimits } from "./rates.ts";
import { warn } from "./warnings.ts";

beforeEach(() => void vi.spyOn(process, "emitWarning").mockImplementation(() => undefined));
afterEach(() => vi.restoreAllMocks());

const me = "mailer@ours";

const realNow = performance.now.bind(performance);
let passed = 0;

/** More than a minute passes; from then on each look at the clock takes so many milliseconds more. */
function later(each = 0): void {
  passed += 120_000;
  vi.spyOn(performance, "now").mockImplementation(() => realNow() + (passed += each));
}

describe("a message", () => {
  test("is read as Celery's workers read it", () => {
    const body = {
      method: "ping",
      arguments: null,
      destination: null,
      pattern: null,
      matcher: null,
      ticket: "t",
      reply_to: { exchange: "reply.celery.pidbox", routing_key: "r" },
    };
    const replyTo = { exchange: "reply.celery.pidbox", routingKey: "r", ticket: "t" };
    expect(readControl(body, me)).toEqual({ method: "ping", arguments: {}, replyTo });
    const message = { method: "x", arguments: { a: 1 }, destination: [me], replyTo };
    expect(readControl(JSON.parse(JSON.stringify(controlBody(message))), me)).toEqual({
      method: "x",
      arguments: { a: 1 },
      replyTo,
    });
  });

  test("is for those whom it names", () => {
    const isHeard = (more: object, name: string | null = me): boolean =>
      readControl({ method: "ping", ...more }, name ?? undefined) !== undefined;
    expect(isHeard({ destination: [] })).toBe(true);
    expect(isHeard({ destination: ["a", me] })).toBe(true);
    expect(isHeard({ destination: ["a"] })).toBe(false);
    expect(isHeard({ destination: [me] }, null)).toBe(false);
    expect(isHeard({ destination: 7 })).toBe(false);
    expect(isHeard({ destination: `a,${me}` })).toBe(true);
    // What is no text has none, and may not be made one of.
    let nested: unknown = [];
    for (let depth = 0; depth < 100_000; depth++) nested = [nested];
    expect(isHeard({ destination: { toString: 1 } })).toBe(false);
    expect(isHeard({ destination: nested })).toBe(false);
    expect(isHeard({ pattern: "mail*", matcher: { toString: 1 } })).toBe(false);
    expect(isHeard({ pattern: "mail*", matcher: nested })).toBe(false);
    expect(isHeard({ pattern: "mail*", matcher: "glob" })).toBe(true);
    expect(isHeard({ pattern: "mail*", matcher: "glob", destination: ["a"] })).toBe(false);
    expect(isHeard({ pattern: "a*", matcher: "glob" })).toBe(false);
    expect(isHeard({ pattern: "a*" })).toBe(false);
    expect(isHeard({ pattern: "mail*" })).toBe(true);
    expect(isHeard({ pattern: "mail*", matcher: "glob" }, null)).toBe(false);
    expect(isHeard({ pattern: 7, matcher: "glob" })).toBe(false);
  });

  test.each([
    null,
    [],
    7,
    "ping",
    {},
    { method: 7 },
    { method: "x", arguments: 7 },
    { method: "x", arguments: [1] },
    { method: "x", pattern: "*", matcher: "sql" },
    { method: "x", pattern: "(", matcher: "pcre" },
    { method: "x", pattern: "*".repeat(2000), matcher: "glob" },
  ])("that is none is left alone: %j", (body) => {
    expect(readControl(body, me)).toBeUndefined();
  });

  test.each([
    { reply_to: 7 },
    { reply_to: { exchange: "reply.celery.pidbox" } },
    { reply_to: { exchange: "reply.celery.pidbox", routing_key: 7 } },
    { reply_to: { exchange: "", routing_key: "r" } },
    { ticket: "t", reply_to: { exchange: "celery", routing_key: "celery" } },
    { ticket: "t", reply_to: { exchange: "reply.celery.pidbox", routing_key: "r".repeat(300) } },
    { ticket: 7, reply_to: { exchange: "reply.celery.pidbox", routing_key: "r" } },
  ])("that cannot be answered is heard, and not answered: %j", (more) => {
    expect(readControl({ method: "ping", ticket: "t", ...more }, me)).toEqual({
      method: "ping",
      arguments: {},
    });
  });
});

describe("patterns", () => {
  test.each([
    ["*", true],
    ["mailer@ours", true],
    ["mailer", false],
    ["m?iler@*", true],
    ["m??iler@*", false],
    ["*@*s", true],
    ["*@*x", false],
    ["[a-m]ailer@ours", true],
    ["[!a-m]ailer@ours", false],
    ["[]m]ailer@ours", true],
    ["[mailer@ours", false],
    ["*[@]*", true],
    ["**@**", true],
    ["MAILER@ours", false],
    ["mailer.ours", false],
  ])("glob %s: %s", (pattern, expected) => {
    expect(matchesGlob(me, pattern)).toBe(expected);
  });

  test("a glob of many stars ends soon", () => {
    const before = performance.now();
    expect(matchesGlob("a".repeat(200), `${"*a".repeat(100)}b`)).toBe(false);
    expect(performance.now() - before).toBeLessThan(1000);
  });

  test.each([
    [String.raw`mailer@\w+`, true],
    ["mailer", true],
    ["ours", false],
    ["mailer$", false],
    ["a|mailer@ours$", true],
    ["(", false],
  ])("pcre %s: %s", (pattern, expected) => {
    expect(matches(me, pattern, "pcre")).toBe(expected);
  });

  test("an expression that would take for ever is like nobody's name, and reaches nothing of this process", () => {
    const before = performance.now();
    expect(matches(`${"a".repeat(60)}!`, "(a+)+$", "pcre")).toBe(false);
    expect(performance.now() - before).toBeLessThan(2000);
    later();
    expect(matches(me, "`+process.exit()+`", "pcre")).toBe(false);
    expect(matches(me, "mailer@", "pcre")).toBe(true);
  });

  test("one that took too long is not looked for again, nor is any other for a minute", () => {
    later();
    const name = `${"a".repeat(60)}!`;
    expect(matches(name, "a+", "pcre")).toBe(true);
    expect(matches(name, "(a+)+$", "pcre")).toBe(false);
    const before = performance.now();
    for (let count = 0; count < 1200; count++) matches(name, `(a+)+$b{${count}}`, "pcre");
    expect(performance.now() - before).toBeLessThan(1000);
    // What was answered before still is, and so are patterns of the other kind.
    expect(matches(name, "a+", "pcre")).toBe(true);
    expect(matches(name, "aa", "pcre")).toBe(false);
    expect(matches(name, "a*", "glob")).toBe(true);
    later();
    expect(matches(name, "aa", "pcre")).toBe(true);
    expect(matches(name, "aaa", "pcre")).toBe(true);
  });

  test("nor are many that each take nearly too long", () => {
    later(20);
    const answers = Array.from({ length: 50 }, (_, count) => matches(me, `mailer@.{0,${count}}`, "pcre"));
    expect(answers.filter(Boolean).length).toBeLessThan(20);
    expect(answers[0]).toBe(true);
  });
});

test("a warning is told once a minute, however many there are", () => {
  const now = vi.spyOn(performance, "now").mockReturnValue(1e9);
  for (let count = 0; count < 5; count++) warn("reply", "odd");
  expect(vi.mocked(process.emitWarning).mock.calls).toEqual([["Celery engine: odd", "PetioleWarning"]]);
  now.mockReturnValue(1e9 + 61_000);
  warn("reply", "odd");
  expect(process.emitWarning).toHaveBeenLastCalledWith(
    "Celery engine: odd (and 4 others before it)",
    "PetioleWarning",
  );
});

describe("rates", () => {
  test.each([
    ["10/m", 1 / 6],
    ["5/s", 5],
    ["100/h", 1 / 36],
    ["0.5", 0.5],
    ["3", 3],
    [2, 2],
    [0, 0],
    ["0", 0],
    ["0/m", 0],
    [null, 0],
    ["", 0],
    ["often", undefined],
    ["1/d", undefined],
    ["-1/s", undefined],
    [-1, undefined],
    [Number.NaN, undefined],
    [{}, undefined],
    [[1], undefined],
  ])("%j is %s a second", (told, expected) => {
    const rate = rateOf(told);
    if (expected === undefined) expect(rate).toBeUndefined();
    else expect(rate).toBeCloseTo(expected, 10);
  });

  test("each start takes the next place; time that was not used is not saved up", () => {
    const limits = new TaskLimits();
    limits.setRate("a", 2, "2/s");
    expect([0, 0, 100].map((now) => limits.reserve("a", now))).toEqual([0, 500, 1000]);
    expect([10_000, 10_000].map((now) => limits.reserve("a", now))).toEqual([10_000, 10_500]);
    expect(limits.reserve("b", 7)).toBe(7);
    limits.setRate("a", 0, "0");
    expect(limits.any).toBe(false);
    expect(limits.reserve("a", 7)).toBe(7);
  });
});

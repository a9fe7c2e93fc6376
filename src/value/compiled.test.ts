import { expect, test } from "vitest";
import { createWire } from "../wire/index.ts";
import { usesBeforeCode } from "./compiled.ts";
import { anything, value, Value } from "./index.ts";

class Point {
  readonly x: unknown;
  constructor(x: unknown) {
    this.x = x;
  }
}
const point = value(Point, { name: "test.Point", fields: { x: Number }, create: ({ x }) => new Point(x) });
class All extends Value("test.All", { point, at: Date, any: anything, text: String, toString: Number }) {}

class Named extends Value("test.Named", { valueOf: anything }) {}

function messageOf(run: () => unknown): string {
  try {
    return JSON.stringify(run());
  } catch (error) {
    return (error as Error).message;
  }
}

test("the code for a class's fields gives and refuses what going through them does", () => {
  const wire = createWire({ values: [point, All] });
  const seen = new Set<string>();
  for (let uses = 0; uses < 3 * usesBeforeCode; uses++) {
    const all = new All({ point: new Point(1), at: new Date(0), any: undefined, text: "x", toString: 5 });
    const text = wire.encode([all, new Date(1)]);
    const outcomes = [
      text,
      wire.encode(wire.decode(text)),
      messageOf(() => new All({ point: { x: 1 }, at: 1, text: 3 } as never)),
      messageOf(() => wire.decode('{"__type__":"test.Point","__value__":{"x":"1"}}')),
      messageOf(() => wire.decode('{"__type__":"test.Point","__value__":{"x":1,"y":2}}')),
      messageOf(() => wire.decode('{"__type__":"test.Point","__value__":{}}')),
      messageOf(() => wire.encode(new Point("1"))),
      messageOf(
        () => new All({ point: new Point(1), at: new Date(0), more: 1, text: "x", toString: 5 } as never),
      ),
      messageOf(() => new Named({ more: 1 } as never)),
    ];
    // What is too much does not take the place of what may be left out.
    expect(outcomes.slice(-2).join()).toMatch(
      /1 issue.\n {2}more {3}not a field;.*\n?.*1 issue.\n {2}more {3}not a field;/,
    );
    seen.add(outcomes.join("\n"));
  }
  expect([...seen]).toHaveLength(1);
});

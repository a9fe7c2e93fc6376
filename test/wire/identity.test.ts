/**
 * Which places hold one object, in rows with numbers: what has a higher number than all before it is known to be new,
 * and not looked for.
 */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Value, anything, optional } from "../../src/value/index.ts";
import { createWire } from "../../src/wire/index.ts";
import { Point, values } from "./classes.ts";
import { difference } from "./same.ts";

class Spot extends Value("test.Spot", { x: Number }) {}
class Line extends Value("test.Line", { id: optional(Number), at: optional(Spot), held: anything }) {}

const wire = createWire({ values: [...values, Spot, Line] });

/** A row that is made, or one that was there before. */
interface Row {
  /** How much higher its number is than that of the row before; undefined for a row without a number. */
  readonly step: number | undefined;
  /** Which of those before it is, in place of a new one. */
  readonly again: number | undefined;
  readonly inside: Row | undefined;
}

/** Most are new, with a higher number; one in so many is not. */
function row(oneIn: number): fc.Arbitrary<Row> {
  return fc.letrec<{ row: Row }>((tie) => ({
    row: fc.record({
      step: fc.oneof({ arbitrary: fc.constant(1), weight: oneIn }, fc.constantFrom(0, -1, -5, 3, undefined)),
      again: fc.oneof({ arbitrary: fc.constant(undefined), weight: oneIn }, fc.nat(200)),
      inside: fc.oneof({ arbitrary: fc.constant(undefined), weight: oneIn }, tie("row")),
    }),
  })).row;
}

type Make = (id: number | undefined, inside: object | undefined) => object;

/** Where rows with these numbers are; others are somewhere by themselves. */
const spots = [0, 1, 2, 3].map((id) => new Spot({ x: id + 0.5 }));

const makers: readonly (readonly [string, Make])[] = [
  ["plain rows", (id, held) => (id === undefined ? { held: held ?? [] } : { id, held: held ?? [] })],
  ["rows whose number comes last", (id, held) => ({ held: held ?? null, name: "row", id: id ?? false })],
  ["instances", (id, held) => new Line({ id, held })],
  [
    "instances in instances",
    (id, held) => new Line({ id, held, at: spots[id ?? -1] ?? new Spot({ x: (id ?? 0) + 0.5 }) }),
  ],
  ["adopted instances", (id) => new Point(id ?? 0, 1)],
];

test.for(makers)("%s", ([, make]) => {
  const rows = fc.constantFrom(4, 30).chain((oneIn) => fc.array(row(oneIn), { maxLength: 40 }));
  fc.assert(
    fc.property(rows, rows, fc.array(row(4), { maxLength: 5 }), (...lists) => {
      const made: object[] = [];
      let last = 0;
      const one = ({ step, again, inside }: Row): object => {
        if (again !== undefined && made.length > 0) return made[again % made.length]!;
        const held = inside && one(inside);
        if (step !== undefined) last += step;
        const object = make(step === undefined ? undefined : last, held);
        made.push(object);
        return object;
      };
      const payload = lists.map((list) => list.map(one));
      for (const sent of [
        payload,
        payload[0],
        { one: made[3], payload },
        { payload, one: made.at(-2) },
        { payload, spots },
      ]) {
        expect(difference(sent, wire.decode(wire.encode(sent)))).toBeUndefined();
      }
    }),
    { numRuns: process.env["CI"] ? 1_000 : 300 },
  );
});

test.each([1, 11, 12, 13, 99, 1000])(
  "the last of %i rows in the order of their ids, in another place",
  (length) => {
    const rows = Array.from({ length }, (_, id) => ({ id, text: `row ${id}` }));
    for (const sent of [
      [...rows, rows.at(-1)],
      [...rows, { id: -1 }, rows.at(-1)],
      { rows, last: rows.at(-1) },
    ]) {
      const text = wire.encode(sent);
      expect(text).toContain('{"__type__":"same",');
      expect(difference(sent, wire.decode(text))).toBeUndefined();
    }
  },
);

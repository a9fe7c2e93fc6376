/** The places that a value can have in a payload. @module */
import { Snapshot } from "../../src/model/index.ts";
import { createWire, type Wire } from "../../src/wire/index.ts";
import { Box, Wrapped, values } from "./classes.ts";

/** One place: what is sent around a value, and how errors name it. */
export interface Place {
  readonly name: string;
  /** Puts values there, made by `make`, new each time. */
  readonly around: (make: () => unknown) => unknown;
  readonly path: string;
  readonly wire: Wire;
  /** Whether to try it with large values too. */
  readonly roomy?: boolean;
  /** Whether one value is in two places there. */
  readonly twice?: boolean;
}

/** The wire that the tests in this folder use. */
export const wire = createWire({ values });

// Deeper than this is written as a graph.
const shallow = createWire({ values, limits: { depth: 30 } });
const depth = 40;

function deep(value: unknown): unknown {
  let around = value;
  for (let level = 0; level < depth; level++) around = [around];
  return around;
}

export const places: readonly Place[] = [
  { name: "alone", around: (make) => make(), path: "value", wire, roomy: true },
  {
    name: "in an object",
    around: (make) => ({ before: 1, it: make(), after: 2n }),
    path: "value.it",
    wire,
    roomy: true,
  },
  { name: "in an array", around: (make) => [make(), make()], path: "value[0]", wire },
  { name: "as a Map's key", around: (make) => new Map([[make(), 1]]), path: "value.keys()[0]", wire },
  { name: "as a Map's value", around: (make) => new Map([["k", make()]]), path: 'value.get("k")', wire },
  { name: "in a Set", around: (make) => new Set([make()]), path: "value.values()[0]", wire },
  {
    name: "in an Error's property",
    around: (make) => Object.assign(new Error("around"), { it: make() }),
    path: "value.it",
    wire,
  },
  { name: "as a cause", around: (make) => new Error("around", { cause: make() }), path: "value.cause", wire },
  { name: "in a value class's field", around: (make) => new Box({ held: make() }), path: "value.held", wire },
  { name: "in a codec's form", around: (make) => new Wrapped(make()), path: "value[0]", wire },
  {
    name: "in instances of one class",
    around: (make) => [1, 2, 3, 4, 5].map(() => new Box({ held: make() })),
    path: "value[0].held",
    wire,
  },
  {
    name: "in one of the instances of a class",
    around: (make) => [new Box({ held: make() }), ...[1, "x", null, 2].map((held) => new Box({ held }))],
    path: "value[0].held",
    wire,
  },
  {
    name: "in a snapshot's column",
    around: (make) => new Snapshot("a.B", 1, { it: make() }),
    path: "value.fields.it",
    wire,
  },
  {
    name: "in an array with holes",
    around: (make) => Object.assign(new Array<unknown>(3), { 1: make() }),
    path: "value[1]",
    wire,
  },
  {
    name: "in an object without a prototype",
    around: (make) => Object.assign(Object.create(null) as object, { it: make() }),
    path: "value.it",
    wire,
  },
  {
    name: "beside what looks like a tag",
    around: (make) => ({ __type__: "x", __value__: make() }),
    path: "value.__value__",
    wire,
  },
  { name: "in a graph", around: (make) => deep(make()), path: `value${"[0]".repeat(depth)}`, wire: shallow },
  {
    name: "in a graph's Map, twice",
    around: (make) => deep(((it) => new Map([[it, it]]))(make())),
    path: `value${"[0]".repeat(depth)}.keys()[0]`,
    wire: shallow,
    twice: true,
  },
];

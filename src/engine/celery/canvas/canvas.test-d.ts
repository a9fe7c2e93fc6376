/** The types of canvas. */
import { Petiole } from "../../../index.ts";
import {
  celery,
  chain,
  chord,
  chunks,
  group,
  signature,
  stampsOf,
  type CanvasHandle,
  type Stamps,
} from "../../celery.ts";
import { expectTypeOf, test } from "vitest";

const app = new Petiole({ engine: celery({ broker: {} as never }) });
const add = app.task<{ x: number; y: number }, number>("add");
const double = app.task("double", (x: number) => 2 * x);
const sum = app.task("sum", (list: readonly number[]) => list.length);
const show = app.task("show", (x: number) => String(x));
const note = app.task("note", (_id: string) => undefined);

test("of a chain the last step's result", async () => {
  expectTypeOf(await chain(add, double, show).enqueue(app, { x: 1, y: 2 })).toEqualTypeOf<
    CanvasHandle<string>
  >();
  expectTypeOf(await chain(add.signature({ x: 1, y: 2 }), double).enqueue(app)).toEqualTypeOf<
    CanvasHandle<number>
  >();
  expectTypeOf(await chain(show.signature(1), { task: "tasks.any" }).enqueue(app)).toEqualTypeOf<
    CanvasHandle<unknown>
  >();
  expectTypeOf(chain(show, { task: "tasks.any" }, double).enqueue(app, 1)).resolves.toEqualTypeOf<
    CanvasHandle<number>
  >();
  // @ts-expect-error: a payload is wanted
  void chain(add, double).enqueue(app);
  // @ts-expect-error: of another kind
  void chain(double, show).enqueue(app, "1");
  // @ts-expect-error: double takes no text
  chain(show.signature(1), double);
});

test("of a group each one's result", async () => {
  const both = group(double.signature(1), show.signature(2));
  expectTypeOf(await both.enqueue(app)).toEqualTypeOf<CanvasHandle<[number, string]>>();
  expectTypeOf(await group(double, show).enqueue(app, 1)).toEqualTypeOf<CanvasHandle<[number, string]>>();
  expectTypeOf(await chain(double, group(double, show)).enqueue(app, 1)).toEqualTypeOf<
    CanvasHandle<[number, string]>
  >();
  expectTypeOf(await chain(double, group(double, double), sum).enqueue(app, 1)).toEqualTypeOf<
    CanvasHandle<number>
  >();
  // @ts-expect-error: sum takes numbers
  chain(double, group(double, show), sum);
});

test("of a chord the body's result", async () => {
  const many = [1, 2, 3].map((each) => double.signature(each));
  expectTypeOf(await chord(many, sum).enqueue(app)).toEqualTypeOf<CanvasHandle<number>>();
  expectTypeOf(await chord([double, double], chain(sum, show)).enqueue(app, 1)).toEqualTypeOf<
    CanvasHandle<string>
  >();
  // @ts-expect-error: double takes no list
  chord(many, double);
});

test("links take the result, error links the id", () => {
  const linked = signature(double.signature(1)).link(show).linkError(note).stamp({ tenant: "ada" });
  expectTypeOf(linked.enqueue(app)).resolves.toEqualTypeOf<CanvasHandle<number>>();
  // @ts-expect-error: note takes a text
  signature(double.signature(1)).link(note);
  // @ts-expect-error: an id is no number
  chain(add, double).linkError(double);
});

test("a handler's stamps", () => {
  app.task("stamped", (_: number, job) => expectTypeOf(stampsOf(job)).toEqualTypeOf<Stamps>());
  // @ts-expect-error: a payload is no job
  app.task("wrong", (payload: number) => stampsOf(payload));
});

test("what nothing can be given to is given nothing", () => {
  const text = app.task("text", (_: string) => 1);
  // @ts-expect-error: no payload is a number and a text
  void group(double, text).enqueue(app);
  // @ts-expect-error: nor is one of them
  void group(double, text).enqueue(app, 1);
  // @ts-expect-error: nor is what is before it
  chain(double, group(double, text));
  void group(double.signature(1), text.signature("x")).enqueue(app);
});

test("what is no task is no part of a canvas", () => {
  // @ts-expect-error: a number
  chain(add, 42);
  // @ts-expect-error: a number
  chain(42, double);
  // @ts-expect-error: a text
  group("x");
  // @ts-expect-error: a text
  chord(["x"], sum);
  // @ts-expect-error: a number
  chord([double.signature(1)], 42);
  // @ts-expect-error: an object
  signature({});
  // @ts-expect-error: a number for a name
  signature({ task: 42 });
  // @ts-expect-error: a number
  chain(add, double).link(42);
  // @ts-expect-error: nothing
  chain(add, double).linkError(undefined);
});

test("the results of groups in a chord's header stand among the others", () => {
  const pairs = app.task("pairs", (_: readonly (readonly number[])[]) => 1);
  const three = app.task("three", (_: readonly [number, string, number]) => 1);
  const mixed = group(double.signature(1), show.signature(2));
  chord([mixed, double.signature(3)], three);
  chord([group(double.signature(1), group(show.signature(2), double.signature(3)))], three);
  chord([mixed.linkError(note).stamp({ a: 1 }), double.signature(3)], three);
  chord([signature(mixed), double.signature(3)], three);
  chain(group(mixed, double.signature(3)), three);
  chord([chunks(double, [1, 2], 1)], pairs);
  const groups = [1, 2].map((each) => group(double.signature(each), double.signature(each)));
  chord(groups, sum);
  // @ts-expect-error: it gets a list of numbers
  chord(groups, pairs);
  // A chain that ends in a group gives the list of its results.
  chord([chain(double.signature(1), group(double, double))], pairs);
  expectTypeOf(group(mixed, double.signature(3)).enqueue(app)).resolves.toEqualTypeOf<
    CanvasHandle<[[number, string], number]>
  >();
});

test("chunks", () => {
  expectTypeOf(chunks(double, [1, 2, 3], 2).enqueue(app)).resolves.toEqualTypeOf<CanvasHandle<number[][]>>();
  // @ts-expect-error: no texts
  chunks(double, ["1"], 2);
});

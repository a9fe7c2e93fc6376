/** The types of canvas. */
import { Petiole } from "../../../index.ts";
import { celery, chain, chord, chunks, group, signature, type CanvasHandle } from "../../celery.ts";
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

test("chunks", () => {
  expectTypeOf(chunks(double, [1, 2, 3], 2).enqueue(app)).resolves.toEqualTypeOf<CanvasHandle<number[][]>>();
  // @ts-expect-error: no texts
  chunks(double, ["1"], 2);
});

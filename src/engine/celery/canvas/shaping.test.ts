/** The shape of chains. */
import { expect, test } from "vitest";
import type { CanvasNode, TaskNode } from "../protocol/canvas-node.ts";
import { chorded } from "./shaping.ts";

function task(id: string): TaskNode {
  return { kind: "task", id, task: id, headers: {} };
}

const group: CanvasNode = { kind: "group", id: "g", tasks: [task("b")] };
const chordThen = (body: CanvasNode): CanvasNode => ({
  kind: "chord",
  id: "g",
  header: [task("b")],
  body,
});

test("a group of one that ends a chain in a chain gives a list to what follows, as any other", () => {
  const inner: CanvasNode = { kind: "chain", steps: chorded([task("a"), group]) };
  const flat = [task("a"), chordThen(task("d"))];
  expect(chorded([task("a"), group, task("d")])).toStrictEqual(flat);
  expect(chorded([inner, task("d")])).toStrictEqual(flat);
  expect(chorded([{ kind: "chain", steps: [inner] }, task("d")])).toStrictEqual(flat);
});

test("its errbacks are each step's", () => {
  const linkError = [task("e")];
  const inner: CanvasNode = { kind: "chain", steps: [task("a"), group], linkError };
  expect(chorded([inner, task("d")])).toMatchObject([
    { id: "a", linkError },
    { kind: "chord", header: [{ id: "b", linkError }], body: { id: "d" } },
  ]);
});

test("other chains stay as they are, also one that ends with a group and all", () => {
  const plain: CanvasNode = { kind: "chain", steps: [task("a"), task("b")] };
  const last: CanvasNode = { kind: "chain", steps: [task("a"), group] };
  expect(chorded([plain, task("d"), last])).toStrictEqual([plain, task("d"), last]);
});

/**
 * A canvas in the shape that Celery's own builder would give it.
 *
 * @module
 */
import type { CanvasNode, TaskNode } from "../protocol/canvas-node.ts";

/**
 * A group that something follows, as a chord: also one of one, which Celery would take for that one alone. And what follows
 * a chord as the rest of its body, as Celery itself does it.
 */
export function chorded(steps: readonly CanvasNode[]): readonly CanvasNode[] {
  let done: CanvasNode[] = [];
  for (const step of spliced(steps).toReversed()) {
    if (done.length === 0 || (step.kind !== "group" && step.kind !== "chord")) done.unshift(step);
    else if (step.kind === "group")
      done = [{ kind: "chord", id: step.id, header: step.tasks, body: oneOf(done) }];
    else done = [{ ...step, body: oneOf([step.body, ...done]) }];
  }
  return done;
}

/** With the steps of a chain that ends in a group, and that something follows, in its place. */
function spliced(steps: readonly CanvasNode[]): readonly CanvasNode[] {
  return steps.flatMap((step, index) => {
    if (step.kind !== "chain" || index === steps.length - 1 || !endsInGroup(step)) return [step];
    const { linkError = [] } = step;
    // Nothing is linked to what ends in a group. None of these is the last.
    return spliced([...step.steps, steps[index + 1]!])
      .slice(0, -1)
      .map((each) => withErrbacks(each, { linkError }));
  });
}

function endsInGroup(node: CanvasNode): boolean {
  if (node.kind !== "chain") return node.kind === "group";
  const last = node.steps.at(-1);
  return last !== undefined && endsInGroup(last);
}

function oneOf(steps: readonly CanvasNode[]): CanvasNode {
  return steps.length === 1 ? steps[0]! : { kind: "chain", steps: chorded(steps) };
}

/** A node whose failures are told. */
export function withErrbacks(node: CanvasNode, { linkError = [] }: Pick<TaskNode, "linkError">): CanvasNode {
  return withLinks(node, { linkError });
}

/** A node that these are linked to: of a chord its body, of a group each of its tasks. */
export function withLinks(
  node: CanvasNode,
  { link = [], linkError = [] }: Pick<TaskNode, "link" | "linkError">,
): CanvasNode {
  if (link.length === 0 && linkError.length === 0) return node;
  if (node.kind === "chord") return { ...node, body: withLinks(node.body, { link, linkError }) };
  if (node.kind === "group")
    return { ...node, tasks: node.tasks.map((task) => withLinks(task, { link, linkError })) };
  return {
    ...node,
    link: [...(node.link ?? []), ...link],
    linkError: [...(node.linkError ?? []), ...linkError],
  };
}

/**
 * Sending a canvas: its payloads are encoded, and it goes to the engine as one message, so that it is held by a transaction
 * and an outbox as any other.
 *
 * @module
 */
import { unsupported } from "../../../errors.ts";
import type { Json, MessageHeaders } from "../../../message.ts";
import { appContext, type AppContext } from "../../../task/app-context.ts";
import { nowOf } from "../../../task/clock.ts";
import { newId } from "../../../task/id.ts";
import { parentage } from "../../../task/outgoing.ts";
import { wireVersion } from "../../../wire/wire.ts";
import { takesCanvas, type CanvasNode, type TaskNode } from "../protocol/canvas-node.ts";
import { invalid } from "./elements.ts";
import type { Element } from "./elements.ts";
import { canvasHandle, type CanvasHandle } from "./handles.ts";
import { Preparing } from "./preparing.ts";
import type { CanvasOptions } from "./types.ts";

/** Sends it. */
export async function send(
  app: object,
  element: Element,
  payload: unknown,
  options: CanvasOptions = {},
): Promise<CanvasHandle<unknown>> {
  const context = (app as { readonly [appContext]?: AppContext } | undefined)?.[appContext];
  if (context === undefined) throw invalid("enqueue() of a canvas", "given the app first", app);
  const { engine, transactions } = context;
  if (!(takesCanvas in engine))
    throw unsupported(
      "a canvas",
      engine.name,
      "chains and groups of app.chain and app.group run on every engine",
    );
  const preparing = new Preparing(context, options);
  const node = await preparing.node(element, { path: "canvas", given: { payload }, stamps: {} });
  const first = firstOf(node);
  if (first === undefined) throw invalid("enqueue() of a canvas", "given one that has tasks", "none");
  const now = nowOf(engine);
  const headers = {
    wire: wireVersion,
    ...parentage(),
    celery: { canvas: node as unknown as Json },
  } as MessageHeaders;
  const message = { id: newId(), task: first.task, queue: first.queue ?? "celery", payload: "null", headers };
  const sent = await transactions.send([{ message, runAt: now, priority: 0 }], options.transaction);
  return canvasHandle(context, node, sent, message.id);
}

/** The first task of it that is sent. */
function firstOf(node: CanvasNode): TaskNode | undefined {
  if (node.kind === "task") return node;
  const [first] = node.kind === "chain" ? node.steps : node.kind === "group" ? node.tasks : node.header;
  if (first !== undefined) return firstOf(first);
  return node.kind === "chord" ? firstOf(node.body) : undefined;
}

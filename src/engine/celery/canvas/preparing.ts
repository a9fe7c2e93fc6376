/**
 * Making a canvas ready to be sent: payloads are encoded, and each task gets its id.
 *
 * @module
 */
import { EncodeError } from "../../../errors.ts";
import type { Json } from "../../../message.ts";
import type { AppContext } from "../../../task/app-context.ts";
import { allReady } from "../../../task/batch.ts";
import { newId } from "../../../task/id.ts";
import { checkHeaders } from "../../../task/middleware.ts";
import { queueName, runAtOf } from "../../../task/options.ts";
import { encodedPayload, lifetimeOf } from "../../../task/outgoing.ts";
import { prepared } from "../../../task/prepared.ts";
import { wireVersion } from "../../../wire/wire.ts";
import type { CanvasNode, TaskNode } from "../protocol/canvas-node.ts";
import { movePointers } from "../protocol/pointers.ts";
import { wireJson } from "../protocol/wire-json.ts";
import { invalid } from "./elements.ts";
import type { Element, Extras, NamedElement, TaskElement } from "./elements.ts";
import { chorded, withErrbacks, withLinks } from "./shaping.ts";
import type { CanvasOptions, Stamps } from "./types.ts";

/** Where an element stands. */
interface Place {
  /** For errors. */
  readonly path: string;
  /** What is given to what begins; without, it takes the result of what is before it. */
  readonly given?: { readonly payload: unknown };
  /** Of what it is part of. */
  readonly stamps: Stamps;
}

/** Makes the nodes of one canvas. */
export class Preparing {
  readonly #context: AppContext;
  readonly #options: CanvasOptions;

  constructor(context: AppContext, options: CanvasOptions) {
    this.#context = context;
    this.#options = options;
  }

  async node(element: Element, place: Place): Promise<CanvasNode> {
    const { path } = place;
    const stamps = { ...place.stamps, ...element.stamps };
    const inside = { ...place, stamps };
    const extras = await this.#extras(element, inside);
    const later = { path, stamps };
    switch (element.kind) {
      case "task":
        return this.#task(element, inside, extras);
      case "named":
        return this.#named(element, inside, extras);
      case "chain": {
        const steps = await this.#all(element.steps, (index) => ({
          ...(index === 0 ? inside : later),
          path: `${path}.steps[${index}]`,
        }));
        return { kind: "chain", steps: chorded(steps), ...extras };
      }
      case "group": {
        const tasks = await this.#all(element.tasks, (index) => ({
          ...inside,
          path: `${path}.tasks[${index}]`,
        }));
        // What a group says of failures, each of its tasks says: Celery's way.
        return { kind: "group", id: newId(), tasks: tasks.map((task) => withErrbacks(task, extras)) };
      }
      case "chord": {
        const header = await this.#all(element.header, (index) => ({
          ...inside,
          path: `${path}.header[${index}]`,
        }));
        const [body] = await this.#all([element.body], () => ({ ...later, path: `${path}.body` }));
        return { kind: "chord", id: newId(), header, body: withLinks(body!, extras) };
      }
      case "chunks":
        return this.#chunks(element, inside, extras);
    }
  }

  /** One after the other in their places, though they are prepared at once. */
  async #all(elements: readonly Element[], placeOf: (index: number) => Place): Promise<CanvasNode[]> {
    const parts = elements.map((each, index) => this.node(each, placeOf(index)));
    return allReady(parts, "this canvas");
  }

  async #extras(element: Extras, place: Place): Promise<Pick<TaskNode, "link" | "linkError">> {
    const nodes = (name: "link" | "linkError"): Promise<readonly CanvasNode[]> =>
      this.#all(element[name] ?? [], (index) => ({
        path: `${place.path}.${name}[${index}]`,
        stamps: place.stamps,
      }));
    const link = await nodes("link");
    const linkError = await nodes("linkError");
    return { ...(link.length > 0 && { link }), ...(linkError.length > 0 && { linkError }) };
  }

  async #task(
    { task, options, given }: TaskElement,
    place: Place,
    extras: Partial<TaskNode>,
  ): Promise<TaskNode> {
    const { name, settings } = task;
    const context = this.#context;
    if (context.tasks.get(name) !== task)
      throw invalid(place.path, "a task of this app", `task ${name} of another`);
    for (const option of ["unique", "priority"] as const)
      if (options[option] !== undefined || (option === "unique" && settings.unique !== undefined))
        throw invalid(place.path, `a task without \`${option}\`: Celery has none`, name);
    const own = given ?? place.given;
    const beside = { ...this.#options.headers, ...options.headers };
    const common = this.#timed(options, settings);
    const id = newId();
    const queue = options.queue === undefined ? settings.queue : queueName(options.queue);
    const version = settings.version > 1 ? { version: settings.version } : {};
    const finish = (headers: Readonly<Record<string, Json>>, more: Partial<TaskNode>): TaskNode => {
      refuseChain(headers, place);
      return {
        kind: "task",
        id,
        task: name,
        queue,
        headers: { ...headers, wire: wireVersion, ...version },
        ...common,
        ...more,
        ...extras,
        ...stampsOf(place),
      };
    };
    if (own === undefined) {
      checkHeaders(beside);
      return finish(beside, {});
    }
    const root = `${place.path}.payload`;
    const what = `this payload to task "${name}" in a canvas`;
    return prepared({ id, task: name, payload: own.payload, headers: beside }, context, async (each) => {
      checkHeaders(each.headers);
      const sending = { ...each, options: { ...options, ...this.#transaction() }, root, what };
      const { text, types } = await encodedPayload(sending, settings, context);
      return finish({ ...each.headers, ...(types.length > 0 && { types }) }, { payload: text });
    });
  }

  #transaction(): { readonly transaction?: object } {
    const { transaction } = this.#options;
    return transaction === undefined ? {} : { transaction };
  }

  #timed(
    options: TaskElement["options"],
    settings: TaskElement["task"]["settings"],
  ): Pick<TaskNode, "delay" | "runAt" | "expires" | "expiresIn"> {
    const at = runAtOf(options, 0);
    return {
      ...(at > 0 && (options.runAt === undefined ? { delay: at } : { runAt: at })),
      ...lifetimeOf(options, settings),
    };
  }

  #named({ named }: NamedElement, place: Place, extras: Partial<TaskNode>): TaskNode {
    const { task, args = [], kwargs = {}, immutable = false, queue } = named;
    const { given, path } = place;
    const before = given === undefined || immutable || given.payload === undefined ? [] : [given.payload];
    const beside = { ...this.#options.headers };
    checkHeaders(beside);
    refuseChain(beside, place);
    return {
      kind: "task",
      id: newId(),
      task,
      ...(queue !== undefined && { queue: queueName(queue) }),
      call: {
        args: [...before, ...args].map((arg, index) => this.#text(arg, `${path}.args[${index}]`)),
        kwargs: this.#text(kwargs, `${path}.kwargs`),
        immutable,
      },
      headers: beside,
      ...extras,
      ...stampsOf(place),
    };
  }

  /** Python's JSON of a value. Nothing in it points to another place, as that place may move. */
  #text(value: unknown, path: string): string {
    const what = `${path} in a canvas`;
    const { text } = this.#context.wire.encodeFor(value, { root: path, what });
    movePointers(text, what, () => {
      throw new EncodeError(what, [{ path, kind: "one object in two places", advice: "send a copy of it" }]);
    });
    const json = wireJson(text, "");
    if (json === undefined)
      throw new EncodeError(what, [{ path, kind: "no JSON", advice: "send what Python's JSON has" }]);
    return json;
  }

  #chunks(
    { task: called, items, size }: Extract<Element, { kind: "chunks" }>,
    place: Place,
    extras: Partial<TaskNode>,
  ): CanvasNode {
    const isNamed = called.kind === "named";
    const name = isNamed ? called.named.task : called.task.name;
    const queue = isNamed ? called.named.queue : (called.options.queue ?? called.task.settings.queue);
    const headers = { ...this.#options.headers };
    checkHeaders(headers);
    refuseChain(headers, place);
    const texts = items.map((item, index) => this.#text(item, `${place.path}.items[${index}]`));
    const tasks: TaskNode[] = [];
    for (let at = 0; at < texts.length; at += size)
      tasks.push({
        kind: "task",
        id: newId(),
        task: "celery.starmap",
        ...(queue !== undefined && { queue }),
        chunk: { task: name, items: texts.slice(at, at + size), isNamed },
        headers,
        ...stampsOf(place),
      });
    return { kind: "group", id: newId(), tasks: tasks.map((task) => withErrbacks(task, extras)) };
  }
}

/** Celery itself lets what follows in the canvas take the place of it. */
function refuseChain({ celery }: Readonly<Record<string, Json>>, { path }: Place): void {
  const chain =
    typeof celery === "object" && celery !== null && "chain" in celery ? celery["chain"] : undefined;
  if (Array.isArray(chain) && chain.length > 0)
    throw invalid(path, "a task whose celeryOptions have no chain; say what follows it with chain()", chain);
}

function stampsOf({ stamps }: Place): { readonly stamps?: Stamps } {
  return Object.keys(stamps).length > 0 ? { stamps } : {};
}

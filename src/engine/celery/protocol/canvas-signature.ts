/**
 * The signature of Celery's that a canvas becomes, and what is sent of it.
 *
 * @module
 */
import { EncodeError } from "../../../errors.ts";
import type { Message, MessageHeaders } from "../../../message.ts";
import { apply, type Applied } from "./applying.ts";
import { argumentsOf } from "./arguments.ts";
import { embedOf, partsOfBody, type Embed } from "./body.ts";
import type { CanvasNode, TaskNode } from "./canvas-node.ts";
import { checkCanvas } from "./canvas.ts";
import { uncompressed } from "./compression.ts";
import { chainText, chordText, elementText, groupText } from "./elements.ts";
import { knownHeaders } from "./headers.ts";
import { readPetioleHeader, writePetioleHeader } from "./petiole-header.ts";
import { itemsOf } from "./pieces.ts";
import { messageOf, noCounters, taskProtocol } from "./sending.ts";
import type { ProtocolSettings } from "./settings.ts";
import { derivedId } from "./signature.ts";
import { firstTime, lastTime, toTime } from "./times.ts";

/** What a signature is made with. */
export interface NodeContext {
  readonly settings: ProtocolSettings;
  /** Epoch milliseconds. */
  readonly sentAt: number;
  readonly replyTo: string | undefined;
}

/**
 * What a canvas comes to when it is sent.
 *
 * @throws PetioleError `ERR_ENGINE_UNSUPPORTED` for a chord where results are not kept in Redis
 */
export function sentCanvas({ id, headers }: Message, node: CanvasNode, context: NodeContext): Applied {
  const { settings, sentAt } = context;
  const { parent, root } = headers;
  const text = signatureOfNode(node, context);
  checkCanvas(text, "canvas", settings);
  const applied: Applied = { messages: [], chords: [] };
  const origin = {
    settings,
    now: sentAt,
    parent: typeof parent === "string" ? parent : undefined,
    root: typeof root === "string" ? root : undefined,
    newId: (role: string) => derivedId(id, role),
  };
  apply(text, { origin, role: "canvas", args: [] }, applied);
  return applied;
}

/** The signature of a canvas. */
export function signatureOfNode(node: CanvasNode, context: NodeContext): string {
  const texts = (nodes: readonly CanvasNode[] = []): string[] =>
    nodes.map((each) => signatureOfNode(each, context));
  const options: OptionsText = (own, { callbacks, errbacks } = noLinks) => {
    const link = [...callbacks, ...texts(node.link)];
    const linkError = [...errbacks, ...texts(node.linkError)];
    const all = {
      ...own,
      ...(link.length > 0 && { link: `[${link.join(",")}]` }),
      ...(linkError.length > 0 && { link_error: `[${linkError.join(",")}]` }),
    };
    const members = Object.entries(all).filter(([, text]) => text !== undefined);
    return `{${members.map(([name, text]) => `${JSON.stringify(name)}:${text!}`).join(",")}}`;
  };
  switch (node.kind) {
    case "task":
      return taskText(node, context, options);
    case "chain":
      return chainText(texts(node.steps), options({}));
    case "group":
      return groupText(texts(node.tasks), options({ task_id: JSON.stringify(node.id) }));
    case "chord":
      return chordText(
        texts(node.header),
        signatureOfNode(node.body, context),
        options({ task_id: JSON.stringify(node.id) }),
      );
  }
}

/** The options of a signature, and what is linked to it beside what its node says. */
type OptionsText = (
  own: Readonly<Record<string, string | undefined>>,
  links?: Pick<Embed, "callbacks" | "errbacks">,
) => string;

const noLinks = { callbacks: [], errbacks: [] };

const nothing = '{"__type__":"undefined","__value__":null}';

/** Made of the message that the task would be alone. */
function taskText(
  node: TaskNode,
  { settings, sentAt, replyTo }: NodeContext,
  optionsText: OptionsText,
): string {
  const { id, task, queue = "", payload, stamps = {} } = node;
  const call = node.chunk === undefined ? node.call : starmap(node.chunk, settings);
  const takesResult = payload === undefined && call === undefined;
  const message: Message = {
    id,
    task,
    queue: queue === "" ? "celery" : queue,
    payload: payload ?? (takesResult ? "null" : nothing),
    headers: { wire: 1, ...node.headers } as MessageHeaders,
  };
  const { headers, body, priority, route } = messageOf(
    { message, runAt: 0, priority: 0 },
    noCounters,
    settings,
    {
      sentAt,
      replyTo,
    },
  );
  const parts = partsOfBody(
    Buffer.from(uncompressed(body, headers["compression"], settings.maxBytes)).toString(),
  );
  const [timeLimit, softTimeLimit] = headers["timelimit"] as readonly (number | null)[];
  const json = (value: unknown): string | undefined =>
    value === undefined || value === null ? undefined : JSON.stringify(value);
  const users = Object.fromEntries(Object.entries(headers).filter(([name]) => !knownHeaders.has(name)));
  const beside = {
    ...users,
    ...(call === undefined && { petiole: petioleOf(headers["petiole"], takesResult) }),
  };
  const names = Object.keys(stamps);
  const { delay, runAt, expires, expiresIn } = node;
  // Of what has a time it counts from then, else from when it is sent, which Celery counts seconds from.
  const until =
    expiresIn === undefined || runAt !== undefined ? undefined : (expiresIn + (delay ?? 0)) / 1000;
  const at = expiresIn === undefined || runAt === undefined ? expires : Math.max(sentAt, runAt) + expiresIn;
  const own = {
    task_id: JSON.stringify(id),
    reply_to: json(replyTo),
    queue: json(queue === "" ? undefined : queue),
    exchange: json(route?.exchange),
    routing_key: json(route?.routingKey),
    // Without a routing key Celery takes an exchange for none, unless it is said not to be a direct one.
    exchange_type: route?.routingKey === "" ? '"fanout"' : undefined,
    priority: json(priority),
    retries: json(headers["retries"] === 0 ? undefined : headers["retries"]),
    countdown: json(delay === undefined ? undefined : delay / 1000),
    eta: json(runAt === undefined ? undefined : timeText(runAt)),
    expires: json(until ?? (at === undefined ? undefined : timeText(at))),
    time_limit: json(timeLimit),
    soft_time_limit: json(softTimeLimit),
    ignore_result: headers["ignore_result"] === true ? "true" : undefined,
    shadow: json(headers["shadow"]),
    compression: headers["compression"] === undefined ? undefined : '"zlib"',
    headers: Object.keys(beside).length > 0 ? JSON.stringify(beside) : undefined,
    ...(names.length > 0 && { stamped_headers: JSON.stringify(names) }),
    ...Object.fromEntries(names.map((name) => [name, JSON.stringify(stamps[name])])),
  };
  const options = optionsText(own, embedOf(parts.embed));
  if (call !== undefined)
    return elementText(task, { args: call.args, kwargs: call.kwargs, options, immutable: call.immutable });
  return takesResult
    ? elementText(task, { options })
    : elementText(task, { args: parts.args, kwargs: parts.kwargs, options, immutable: true });
}

/** Where Python has no such time, its last or its first one. */
function timeText(time: number): string {
  return toTime(Math.min(Math.max(time, firstTime), lastTime));
}

/** The arguments of Celery's `celery.starmap`. */
function starmap(
  { task, items, isNamed }: NonNullable<TaskNode["chunk"]>,
  settings: ProtocolSettings,
): NonNullable<TaskNode["call"]> {
  const { positional = [] } = taskProtocol(settings, task);
  const lists = items.map((text, index) => {
    const path = `items[${index}]`;
    if (isNamed) return `[${itemsOf(text, path).join(",")}]`;
    const { args, kwargs } = argumentsOf(text, positional, task);
    if (kwargs === "{}") return `[${args.join(",")}]`;
    throw new EncodeError(`the chunks of task "${task}"`, [
      {
        path,
        kind: "an argument by its name",
        advice: `Celery's chunks have positional ones alone: name them all in the engine's option tasks, { "${task}": { positional: [...] } }`,
      },
    ]);
  });
  return {
    args: [],
    kwargs: `{"task":${elementText(task, {})},"it":[${lists.join(",")}]}`,
    immutable: true,
  };
}

/** Of a task that takes the result before it: that is its whole payload. */
function petioleOf(header: unknown, takesResult: boolean): string {
  const { headers, own } = readPetioleHeader(header)!;
  return writePetioleHeader({ headers, own: takesResult ? { ...own, payload: "argument" } : own });
}

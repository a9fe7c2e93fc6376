/**
 * What Celery's `inspect` tells of a task.
 *
 * @module
 */
import type { Holding } from "../held.ts";
import { parseExactly } from "../protocol/json-text.ts";
import { partsOfBody } from "../protocol/body.ts";

/** Longer arguments are told as their beginning: an answer is for a person. */
const longest = 20_000;

/** A task that this process holds, as Celery's workers tell of theirs. */
export function taskInfo(holding: Holding, about: TaskInfoContext): object {
  const { received } = holding;
  const { headers, priority, queue, delivered } = received.celery;
  const shadow = headers["shadow"];
  const { args, kwargs } = argumentsOf(holding, about.isSafe);
  return {
    id: received.message.id,
    name: typeof shadow === "string" && shadow !== "" ? shadow : headers.task,
    args,
    kwargs,
    type: headers.task,
    hostname: about.hostname,
    time_start: about.startedAt === undefined ? null : about.startedAt / 1000,
    // They are when they have ended.
    acknowledged: false,
    delivery_info: {
      exchange: delivered?.exchange.slice(0, longest) ?? "",
      routing_key: delivered?.routingKey.slice(0, longest) ?? queue,
      priority: priority ?? 0,
      redelivered: holding.crashes > 0,
    },
    worker_pid: about.startedAt === undefined ? null : process.pid,
  };
}

/** Where and how it is. */
export interface TaskInfoContext {
  readonly hostname: string;
  /** When it was begun, in epoch milliseconds; undefined where it was not. */
  readonly startedAt?: number;
  /** The arguments as the sender has described them, and not themselves. */
  readonly isSafe: boolean;
}

function argumentsOf(
  { received }: Holding,
  isSafe: boolean,
): { readonly args: unknown; readonly kwargs: unknown } {
  const { headers, body } = received.celery;
  const shown = { args: textOf(headers["argsrepr"]), kwargs: textOf(headers["kwargsrepr"]) };
  const isPlain = headers["compression"] === undefined || headers["compression"] === null;
  if (isSafe || !isPlain || body.byteLength > longest) return shown;
  try {
    const { args, kwargs } = partsOfBody(
      Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString(),
    );
    return { args: args.map((each) => parseExactly(each)), kwargs: parseExactly(kwargs) };
  } catch {
    // Python writes what JSON does not have.
    return shown;
  }
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value.slice(0, longest) : "";
}

/**
 * Celery's headers: all that Celery itself writes, on every message.
 *
 * @module
 */
import type { CeleryHeaders } from "./message.ts";
import { toTime } from "./times.ts";

/** What differs from message to message. */
export interface HeaderFields {
  readonly task: string;
  readonly id: string;
  readonly root: string;
  readonly parent?: string | undefined;
  /** Epoch milliseconds, as is `expires`. */
  readonly eta?: number | undefined;
  readonly expires?: number | undefined;
  readonly retries?: number | undefined;
  /** Milliseconds, as is `softTimeLimit`. */
  readonly timeLimit?: number | undefined;
  readonly softTimeLimit?: number | undefined;
  readonly groupId?: string | undefined;
  readonly groupIndex?: number | undefined;
  readonly ignoreResult?: boolean | undefined;
  readonly shadow?: string | undefined;
  readonly replacedTaskNesting?: number | undefined;
  readonly stamps?: Readonly<Record<string, unknown>> | undefined;
  readonly compression?: string | undefined;
  /** What Petiole knows beside, where the message is of its own. */
  readonly petiole?: string;
  readonly origin: string;
  readonly args: readonly string[];
  readonly kwargs: string;
}

/** As many characters of the arguments are shown in Celery's logs and tools. */
const shownLength = 1024;

/** The headers of a message, all of whose texts UTF-8 can hold. */
export function celeryHeaders(fields: HeaderFields): CeleryHeaders {
  const { stamps = noStamps, compression, petiole } = fields;
  const stamped = Object.keys(stamps);
  // Made in one go: what is spread into another object takes longer to make, and to write.
  const headers: Record<string, unknown> & { task: string; id: string } = {
    lang: "ts",
    task: fields.task.toWellFormed(),
    id: fields.id.toWellFormed(),
    shadow: fields.shadow?.toWellFormed() ?? null,
    eta: fields.eta === undefined ? null : toTime(fields.eta),
    expires: fields.expires === undefined ? null : toTime(fields.expires),
    group: fields.groupId?.toWellFormed() ?? null,
    group_index: fields.groupIndex ?? null,
    retries: fields.retries ?? 0,
    timelimit: [seconds(fields.timeLimit), seconds(fields.softTimeLimit)],
    root_id: fields.root.toWellFormed(),
    parent_id: fields.parent?.toWellFormed() ?? null,
    argsrepr: shownArgs(fields.args),
    kwargsrepr: shown(fields.kwargs),
    origin: fields.origin,
    ignore_result: fields.ignoreResult ?? false,
    replaced_task_nesting: fields.replacedTaskNesting ?? 0,
    stamped_headers: stamped.length > 0 ? stamped : null,
    stamps,
  };
  if (compression !== undefined) headers["compression"] = compression;
  if (petiole !== undefined) headers["petiole"] = petiole;
  return headers;
}

const noStamps: Readonly<Record<string, unknown>> = {};

/** Celery's own headers, and those that its transports and RabbitMQ add. All others are users'. */
export const knownHeaders: ReadonlySet<string> = new Set(
  (
    "lang task id shadow eta expires group group_index retries timelimit root_id parent_id argsrepr kwargsrepr origin " +
    "ignore_result replaced_task_nesting stamped_headers stamps compression petiole redelivered meth utc headers " +
    "errbacks callbacks chain chord args kwargs taskset hostname delivery_info _children _protected"
  ).split(" "),
);

/** Whether RabbitMQ or a transport has written it, about one delivery: it is not for the next. */
export function isOfDelivery(name: string): boolean {
  return (
    name === "redelivered" || /^x-(?:death|first-death-|last-death-|delivery-count|acquired-count)/.test(name)
  );
}

function seconds(milliseconds: number | undefined): number | null {
  return milliseconds === undefined ? null : milliseconds / 1000;
}

function shownArgs(args: readonly string[]): string {
  const texts: string[] = [];
  let length = 0;
  for (const arg of args) {
    texts.push(arg.slice(0, shownLength));
    length += arg.length;
    if (length > shownLength) break;
  }
  // Joined: a text that stays in pieces takes `JSON.stringify` of all headers twice as long.
  return shown(["(", texts.join(", "), args.length === 1 ? ",)" : ")"].join(""));
}

function shown(text: string): string {
  return text.length <= shownLength ? text : `${text.slice(0, shownLength - 3).toWellFormed()}...`;
}

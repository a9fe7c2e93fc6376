/**
 * Rows as messages, deliveries and records.
 *
 * @module
 */
import { endStates } from "../../engine.ts";
import type { Delivery, Progress, Reason, TaskRecord, TaskState } from "../../engine.ts";
import { payloadOf, type PayloadForm } from "../shared/kept-payload.ts";
import type { Json, Message, MessageHeaders } from "../../message.ts";
import type { Names } from "./names.ts";
import { fromQueue } from "./queue-names.ts";
import { fromColumn, readableColumn } from "../shared/text.ts";

/** What `own.claim` gives of a task. */
export type DeliveryRow = readonly [
  job: string,
  id: string | null,
  queue: string,
  task: string,
  headers: string,
  form: string | null,
  data: Json,
  attempts: number,
  crashes: number,
  deferrals: number,
  deferredAt: number | null,
  cancelled: string | null,
];

/** What {@link recordColumns} give of a task. */
export type RecordRow = readonly [
  job: string,
  id: string | null,
  queue: string,
  task: string,
  headers: string,
  form: string | null,
  data: Json,
  state: string,
  attempts: number,
  crashes: number,
  deferrals: number,
  priority: number,
  sentAt: number,
  runAt: number,
  startedAt: number | null,
  endedAt: number | null,
  worker: string | null,
  ended: string | null,
  reason: string | null,
  resultForm: string | null,
  output: Json,
  progress: string | null,
];

/** A record as a JSON array. Of the tables `t`, `j` and `l` of {@link recordTables}. */
export function recordColumns({ own }: Names): string {
  return `json_build_array(t.job, t.id, t.queue, t.task, t.headers, t.form, j.data,
    ${own}.state(j.state, j.start_after, t.ended), t.attempts, t.crashes, t.deferrals, j.priority, ${own}.ms(t.sent_at),
    ${own}.ms(j.start_after), ${own}.ms(j.started_on), ${own}.ms(j.completed_on), coalesce(l.worker, t.worker), t.ended,
    t.reason, t.result_form, j.output, t.progress)`;
}

/** A task, its job, and its lease. */
export function recordTables({ own, boss }: Names): string {
  return `${own}.task t JOIN ${boss}.job j ON j.name = t.queue AND j.id = t.job LEFT JOIN ${own}.lease l ON l.started = j.started_on AND t.job = ANY (l.jobs)`;
}

/** The id of a task of which the columns `job` and `id` are these. */
export function idOf(job: string, id: string | null): string {
  return id === null ? job : readableColumn(id);
}

/** The message of a row. Throws when the row holds something else. */
function readMessage([job, id, queue, task, headers, form, data]: DeliveryRow | RecordRow): Message {
  let column = "id";
  try {
    const ownId = id === null ? job : fromColumn(id);
    column = "task";
    const name = fromColumn(task);
    column = "payload";
    const payload = payloadOf(data, readForm(form));
    column = "headers";
    return { id: ownId, task: name, queue: fromQueue(queue), payload, headers: readHeaders(headers) };
  } catch (error) {
    throw new TypeError(`${column}: ${problemOf(error)}`, { cause: error });
  }
}

/** A claimed task; or, when its row is damaged, what is wrong with it. */
export function readDelivery(row: DeliveryRow, token: string): Delivery | { readonly problem: string } {
  const [job, id, , , , , , attempts, crashes, deferrals, deferredAt, cancelled] = row;
  try {
    const reason = cancelled === null ? undefined : lenientReason(cancelled);
    return {
      message: readMessage(row),
      lease: { id: idOf(job, id), token },
      attempts,
      crashes,
      deferrals,
      ...(deferredAt !== null && { deferredAt }),
      ...(reason !== undefined && { cancelled: reason }),
    };
  } catch (error) {
    return { problem: problemOf(error) };
  }
}

/** Everything about a row's task. A row that is damaged gives what can be read of it, and a reason that says so. */
export function readRecord(row: RecordRow): TaskRecord {
  const [job, id, queue, task, headers, form, data, state, attempts, crashes, deferrals] = row;
  const [priority, sentAt, runAt, startedAt, endedAt, worker, , , , , progressText] = row.slice(
    11,
  ) as unknown as readonly [
    number,
    number,
    number,
    number | null,
    number | null,
    string | null,
    unknown,
    unknown,
    unknown,
    unknown,
    string | null,
  ];
  const problems: string[] = [];
  const lenient = <T>(part: () => T, instead: T): T => {
    try {
      return part();
    } catch (error) {
      problems.push(problemOf(error));
      return instead;
    }
  };
  const message: Message = {
    id: lenient(() => (id === null ? job : read("id", () => fromColumn(id))), job),
    task: lenient(() => read("task", () => fromColumn(task)), task),
    queue: fromQueue(queue),
    payload: lenient(() => read("payload", () => payloadOf(data, readForm(form))), JSON.stringify(data)),
    headers: lenient(() => read("headers", () => readHeaders(headers)), { wire: 0 }),
  };
  const result = lenient(() => resultOf(row), undefined);
  const told = lenient(() => reasonOf(row), undefined);
  const progress = progressText === null ? undefined : readProgress(progressText);
  const reason = problems.length > 0 ? unreadable(problems.join("; ")) : told;
  const isEnd = (endStates as readonly string[]).includes(state);
  return {
    message,
    state: state as TaskState,
    attempts,
    crashes,
    deferrals,
    priority,
    sentAt,
    runAt,
    ...(startedAt !== null && { startedAt }),
    ...(isEnd && endedAt !== null && { endedAt }),
    ...(worker !== null && { worker: readableColumn(worker) }),
    ...(reason !== undefined && { reason }),
    ...(result !== undefined && { result }),
    ...(progress !== undefined && { progress }),
  };
}

/** What it returned. What one of pg-boss's own workers returned is plain JSON. */
function resultOf(row: RecordRow): string | undefined {
  const { 7: state, 17: ended, 19: form, 20: output } = row;
  if (state !== "succeeded") return undefined;
  return read("result", () => payloadOf(output, ended === state ? readForm(form) : "json"));
}

/** Why it is where it is; also where others, who know nothing of reasons, have ended it. */
function reasonOf(row: RecordRow): Reason | undefined {
  const { 7: state, 17: ended, 18: reason, 20: output } = row;
  if (state === "succeeded") return undefined;
  if (ended !== state && state === "failed")
    return byOthers("ERR_TASK_FAILED", "It failed in a worker of pg-boss's own", output);
  if (ended !== state && state === "cancelled")
    return byOthers("ERR_TASK_CANCELLED", "It was cancelled through pg-boss", output);
  return reason === null ? undefined : readReason(reason);
}

function byOthers(code: string, message: string, output: Json): Reason {
  const said =
    typeof output === "object" && output !== null && "message" in output && typeof output.message === "string"
      ? `: ${output.message}`
      : "";
  return { code, message: `${message}${said}`, ...(output !== null && { details: output }) };
}

/** Why a row is parked that cannot be read; what it holds stays as it is. */
export function unreadable(problem: string): Reason {
  return {
    code: "ERR_ENGINE_ROW_UNREADABLE",
    message: `The task's row in the database is damaged: ${problem}. It is kept as it is; repair it there and retry the task, or discard it.`,
  };
}

function lenientReason(column: string): Reason {
  try {
    return readReason(column);
  } catch (error) {
    return unreadable(problemOf(error));
  }
}

function readReason(column: string): Reason {
  const value = parsed("reason", column);
  if (!isObject(value) || typeof value["code"] !== "string" || typeof value["message"] !== "string")
    throw new TypeError("reason has no code and message");
  return value as unknown as Reason;
}

function readHeaders(column: string): MessageHeaders {
  const value: unknown = JSON.parse(column);
  if (!isObject(value) || typeof value["wire"] !== "number")
    throw new TypeError("they are no object with a wire version");
  return value as MessageHeaders;
}

/** The forms that were read: all tasks of a name have mostly one. */
const forms = new Map<string, PayloadForm>();
const mostForms = 100;
/** No longer ones are kept in mind. */
const longestForm = 2000;

function readForm(column: string | null): PayloadForm {
  if (column === null) return "json";
  let form = forms.get(column);
  if (form === undefined) {
    form = parsed("form", column) as PayloadForm;
    if (forms.size === mostForms) forms.clear();
    if (column.length <= longestForm) forms.set(column, form);
  }
  return form;
}

/** What cannot be read is none: nothing depends on it. */
function readProgress(column: string): Progress | undefined {
  try {
    const value: unknown = JSON.parse(column);
    return isObject(value) && typeof value["fraction"] === "number"
      ? (value as unknown as Progress)
      : undefined;
  } catch {
    return undefined;
  }
}

function parsed(what: string, column: string): unknown {
  return read(what, () => JSON.parse(column) as unknown);
}

function read<T>(what: string, part: () => T): T {
  try {
    return part();
  } catch (error) {
    throw new TypeError(`${what}: ${problemOf(error)}`, { cause: error });
  }
}

function problemOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

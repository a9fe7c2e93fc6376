/**
 * What a worker does when it is told to: Celery's `control`.
 *
 * @module
 */
import { stampValues } from "../revoked.ts";
import { nameOf } from "../claims.ts";
import { isObject } from "../protocol/malformed.ts";
import { ok, textsOf, type Given, type NodeContext } from "./node-context.ts";
import { rateOf } from "./rates.ts";

export function revoke({ cancels }: NodeContext, given: Given): object {
  const ids = textsOf(given["task_id"]);
  if (ids.length === 0) throw new Error("revoke needs task_id, an id or a list of them");
  const here = cancels.heard(given);
  if (given["terminate"] !== true) return ok(`tasks ${shown(ids)} flagged as revoked`);
  return ok(here.length === 0 ? "terminate: tasks unknown" : `terminate: ${here.join(", ")}`);
}

export function revokeByStamps({ cancels }: NodeContext, given: Given): object {
  const { headers, terminate } = given;
  const isTold = Array.isArray(headers)
    ? headers.some((text) => typeof text === "string" && text.includes("="))
    : isObject(headers) && Object.values(headers).some((told) => stampValues(told).length > 0);
  if (!isTold) throw new Error("revoke_by_stamped_headers needs headers, {name: value} or {name: [values]}");
  const here = cancels.heard({ headers, terminate, petiole: given["petiole"] });
  const what = `headers ${JSON.stringify(headers).slice(0, 1000)}`;
  if (terminate !== true) return ok(`${what} flagged as revoked, but not terminated`);
  return ok(here.length === 0 ? `${what} were not terminated` : `${what} revoked`);
}

export function rateLimit({ workers, limits, delayed }: NodeContext, given: Given): object {
  const { task_name: task, rate_limit: told } = given;
  const rate = rateOf(told);
  if (rate === undefined)
    return { error: `Invalid rate limit string: ${JSON.stringify(told)?.slice(0, 100)}, which is no "10/m"` };
  if (typeof task !== "string" || !workers.mayRun(task)) return { error: "unknown task" };
  limits.setRate(task, rate, String(told));
  delayed.reschedule(task, () => limits.reserve(task, Date.now()));
  return ok(rate === 0 ? "rate limit disabled successfully" : "new rate limit set successfully");
}

export function timeLimit({ workers, limits }: NodeContext, given: Given): object {
  const { task_name: task } = given;
  if (typeof task !== "string" || !workers.mayRun(task)) return { error: "unknown task" };
  const seconds = [given["hard"], given["soft"]].flatMap((told) => {
    if (told === null || told === undefined || told === 0) return [];
    if (typeof told === "number" && Number.isFinite(told) && told > 0) return [told];
    throw new Error("hard and soft are seconds, more than 0");
  });
  // A run here is stopped once: there is no exception to be caught first.
  limits.setTime(task, seconds.length === 0 ? undefined : Math.min(...seconds) * 1000);
  return ok("time limits set successfully");
}

export function addConsumer({ workers, ready }: NodeContext, given: Given): object {
  const queue = queueIn(given);
  const { exchange, routing_key: key } = given;
  for (const [name, told] of Object.entries({ exchange, routing_key: key }))
    if (told !== undefined && told !== null && told !== "" && told !== queue)
      throw new Error(`${name} other than the queue's own name is not done: bind the queue yourself`);
  if (!workers.addQueue(queue))
    throw new Error("as many queues were added already as may be: cancel some first");
  ready.add(queue);
  return ok(`add consumer ${queue}`);
}

export function cancelConsumer({ workers, ready }: NodeContext, given: Given): object {
  const queue = queueIn(given);
  if (!workers.cancelQueue(queue)) throw new Error("as many queues were cancelled already as may be");
  ready.remove(queue);
  return ok(`no longer consuming from ${queue}`);
}

function queueIn({ queue }: Given): string {
  if (typeof queue === "string" && queue !== "") {
    const name = nameOf(queue);
    // As RabbitMQ has it, which would refuse others whenever they are taken from.
    if (Buffer.byteLength(name) <= 255) return name;
  }
  throw new Error("queue is the name of one, of 1 to 255 bytes");
}

/** A warm stop, as Celery's: what runs may finish. */
export function shutdown({ workers }: NodeContext): object {
  const { abouts } = workers;
  if (abouts.length === 0) throw new Error("no worker here can be asked to stop: end its process");
  // Its answer is sent while it is heard still.
  setImmediate(() => {
    for (const { stop } of abouts) stop();
  });
  return ok("shutting down: what runs may finish");
}

export function fixed(): never {
  throw new Error(
    "the concurrency of a worker of Petiole's is set where it is made: app.worker({ concurrency })",
  );
}

function shown(ids: readonly string[]): string {
  const some = ids.slice(0, 20).join(", ");
  return ids.length > 20 ? `${some} and ${ids.length - 20} more` : some;
}

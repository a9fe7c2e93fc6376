/**
 * Names as parts of keys, and texts as Redis holds them.
 *
 * A key of BullMQ's is made of parts with ":" between them, an id of digits alone is one that BullMQ has given, and an id
 * such as `meta` would be the key of something else. So those are written otherwise: ":" as "%3A", ids of digits or of
 * small letters alone with a "%" before them. Redis clients write UTF-8, which has no lone
 * surrogates: they become "%uD800". A "%" that could be taken for one of these is "%25". All else stays as it is.
 *
 * The same text always gives the same name, so that ids can be compared in scripts.
 *
 * @module
 */

/** The text of any string, for a field. */
export function toText(text: string): string {
  if (!text.includes("%") && text.isWellFormed()) return text;
  const escaped = text.replaceAll(/%(?=3A|25|7E|u[0-9A-F]{4})/g, "%25");
  return escaped.replaceAll(
    /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g,
    (surrogate) => `%u${surrogate.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** The string that was written as a text, or a name. */
export function fromText(text: string): string {
  if (!text.includes("%")) return text;
  return text.replaceAll(/%(3A|25|7E|u[0-9A-F]{4})/g, (_, code: string) =>
    code.startsWith("u")
      ? String.fromCharCode(Number.parseInt(code.slice(1), 16))
      : String.fromCharCode(Number.parseInt(code, 16)),
  );
}

/** A name as part of a key: of a queue, a lane, a task, a worker. */
export function toName(text: string): string {
  return toText(text).replaceAll(":", "%3A");
}

/** The name of a queue. One would be in the way of our keys. */
export function toQueue(queue: string): string {
  return queue === "~petiole" ? "%7Epetiole" : toName(queue);
}

/** The id of a message that is a job of others: it has the queue in it, as BullMQ's ids are unique in their queue alone. */
const foreign = /^bullmq:([^:]+):(.+)$/s;

/** Whether a message's id is that of a job of others. */
export function isForeign(id: string): boolean {
  return foreign.test(id);
}

/** The id of the message that a job of others is. */
export function foreignId(queue: string, jobId: string): string {
  return `bullmq:${queue}:${jobId}`;
}

/** The id of a job, as scripts take it; that of a job of others with its queue. */
export function toJobId(id: string): string {
  const [, queue, jobId] = foreign.exec(id) ?? [];
  if (queue !== undefined) return `${queue}:${jobId}`;
  const name = toName(id);
  return /^%*(?:[a-z-]*|\d*)$/.test(name) ? `%${name}` : name;
}

/** The id of the message that a job of ours is. */
export function fromJobId(jobId: string): string {
  return fromText(/^%+(?:[a-z-]*|\d*)$/.test(jobId) ? jobId.slice(1) : jobId);
}

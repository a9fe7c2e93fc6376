/**
 * What one send may say beside its payload, in Celery's words.
 *
 * @module
 */
import type { Json } from "../../message.ts";
import { checkedSendOptions } from "./protocol/send-options.ts";
import type { SendOptions } from "./protocol/settings.ts";

/** What {@link celeryOptions} makes: options of `enqueue`. */
export interface CeleryEnqueueOptions {
  /** The header by which the engine is told. */
  readonly headers: { readonly celery: Json };
}

/**
 * Options of one send that Celery alone has, among those of `enqueue`. Times in milliseconds.
 *
 * @throws PetioleError `ERR_OPTION_INVALID`
 *
 * @example
 * await add.enqueue({ x: 2, y: 3 }, { delay: "5m", ...celeryOptions({ priority: 6, link: [{ task: "tasks.log" }] }) });
 */
export function celeryOptions(options: SendOptions): CeleryEnqueueOptions {
  // What is not said is no JSON.
  return { headers: { celery: withoutUndefined(checkedSendOptions(options)) } };
}

function withoutUndefined(value: unknown): Json {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (typeof value !== "object" || value === null) return value as Json;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, part]) =>
      part === undefined ? [] : [[name, withoutUndefined(part)] as const],
    ),
  );
}

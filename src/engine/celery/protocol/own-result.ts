/**
 * The field `petiole` of a stored result: what an engine of ours knows of an end beside Celery's own fields, as one JSON
 * text.
 *
 * @module
 */
import { endStates } from "../../../engine.ts";
import type { Reason } from "../../../engine.ts";
import { isDeeperThan } from "../../shared/kept-payload/nesting.ts";
import { definedOf, isObject } from "./malformed.ts";
import { isCount } from "./petiole-header.ts";
import type { TaskEnd } from "./result.ts";

/** Deeper, it is not read. */
const maxDepth = 500;

/** What an engine of ours has told beside. */
export interface OwnFields extends Pick<
  TaskEnd,
  "payload" | "headers" | "sentAt" | "reason" | "attempts" | "crashes" | "deferrals"
> {
  readonly state?: TaskEnd["state"];
  readonly endedAt?: number;
  readonly result?: "text";
  readonly id?: string;
}

/** Each is taken for what it should be, and left out where it is not. */
export function ownFields(text: unknown): OwnFields {
  if (typeof text !== "string" || isDeeperThan(text, maxDepth)) return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return {};
  }
  if (!isObject(value)) return {};
  const { state, endedAt, attempts, crashes, deferrals, result, id, reason, payload, headers, sentAt } =
    value;
  return definedOf({
    state: ends.has(state) ? state : undefined,
    endedAt: Number.isFinite(endedAt) ? endedAt : undefined,
    attempts: isCount(attempts) ? attempts : undefined,
    crashes: isCount(crashes) ? crashes : undefined,
    deferrals: isCount(deferrals) ? deferrals : undefined,
    result: result === "text" ? result : undefined,
    id: textOrUndefined(id),
    reason: isReason(reason) ? reason : undefined,
    payload: textOrUndefined(payload),
    headers: isObject(headers) ? headers : undefined,
    sentAt: Number.isFinite(sentAt) ? sentAt : undefined,
  }) as OwnFields;
}

function isReason(value: unknown): value is Reason {
  return isObject(value) && typeof value["code"] === "string" && typeof value["message"] === "string";
}

const ends: ReadonlySet<unknown> = new Set(endStates);

function textOrUndefined(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

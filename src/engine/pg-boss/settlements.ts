/**
 * Settlements as `own.settle` takes them.
 *
 * @module
 */
import { endOf } from "../../engine.ts";
import type { Settlement } from "../../engine.ts";
import { keptPayload } from "../shared/kept-payload.ts";
import { jobId } from "./ids.ts";
import { formColumn } from "./sending.ts";

/** A settlement, ready to be sent. */
export interface EncodedSettlement {
  readonly settlement: Settlement;
  readonly job: string;
  /** The token of its lease, as a number. */
  readonly token: number;
  /** Whether it ends; if not, the task waits again. */
  readonly isEnd: boolean;
  /** Without its number, nor the bracket at its end. */
  readonly json: string;
}

/** Refuses here and now what cannot be written. */
export function encodeSettlement(settlement: Settlement, retention: number): EncodedSettlement {
  const { kind, lease } = settlement;
  const job = jobId(lease.id);
  const token = tokenColumn(lease.token);
  const isEnd = kind !== "release" && kind !== "retryAt" && kind !== "defer";
  // Written by hand, as most are, and often.
  const rest =
    kind === "complete"
      ? complete(settlement, retention)
      : JSON.stringify(fields(settlement, retention)).slice(1);
  return { settlement, job, token, isEnd, json: `{"j":"${job}","a":${token},${rest}` };
}

function complete(settlement: Settlement & { readonly kind: "complete" }, retention: number): string {
  const { result, keep = retention } = settlement;
  const { data, form } = keptPayload(result, "jsonb");
  // Where it lies there as the JSON that it is, it is written as it came.
  const isPlain = form !== "string" && form !== "escaped";
  const column = formColumn(form);
  return (
    `"e":"succeeded","c":1,"o":${isPlain ? result : JSON.stringify(data)}` +
    `${column === null ? "" : `,"f":${JSON.stringify(column)}`}${keep < longest ? `,"keep":${keep}` : ""}}`
  );
}

/** A token as a number; none that was given out for what is not one. */
export function tokenColumn(token: string): number {
  return /^\d{1,15}$/.test(token) ? Number(token) : -1;
}

function fields(settlement: Exclude<Settlement, { kind: "complete" }>, retention: number): object {
  switch (settlement.kind) {
    case "release":
      return { g: "release", unused: settlement.unused === true };
    case "retryAt":
    case "defer":
      return {
        g: settlement.kind,
        at: Math.min(Math.ceil(settlement.at), Number.MAX_SAFE_INTEGER),
        r: JSON.stringify(settlement.reason),
        unused: settlement.kind === "defer",
      };
    default: {
      const { kind, reason, keep = retention } = settlement;
      const needs = kind === "park" ? settlement.needs : undefined;
      const isKept = kind === "fail" || kind === "park";
      return {
        e: endOf[kind],
        c: kind === "fail" ? 1 : 0,
        r: JSON.stringify(reason),
        ...(needs !== undefined && { needs: JSON.stringify(needs) }),
        ...kept(isKept ? Infinity : keep),
      };
    }
  }
}

/** A century is for good. */
const longest = 3_155_760_000_000;

/** For good where there is no `keep`. */
function kept(keep: number): object {
  return keep < longest ? { keep } : {};
}

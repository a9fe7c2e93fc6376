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
  readonly job: string;
  readonly token: string;
  /** Whether it ends; if not, the task waits again. */
  readonly isEnd: boolean;
  /** Without its number, nor the bracket at its end. */
  readonly json: string;
}

/** The settlements after which the task waits again. */
const waysBack = { release: true, retryAt: true, defer: true };

/** Refuses here and now what cannot be written. */
export function encodeSettlement(settlement: Settlement, retention: number): EncodedSettlement {
  const { lease } = settlement;
  const job = jobId(lease.id);
  const json = JSON.stringify({ j: job, a: tokenColumn(lease.token), ...fields(settlement, retention) });
  return { job, token: lease.token, isEnd: !(settlement.kind in waysBack), json };
}

/** A token as a number; none that was given out for what is not one. */
export function tokenColumn(token: string): number {
  return /^\d{1,15}$/.test(token) ? Number(token) : -1;
}

function fields(settlement: Settlement, retention: number): object {
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
    case "complete": {
      const { data, form } = keptPayload(settlement.result, "jsonb");
      return { e: "succeeded", c: 1, o: data, f: formColumn(form), ...kept(settlement.keep ?? retention) };
    }
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

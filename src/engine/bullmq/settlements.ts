/**
 * Ending claims: what ends in one turn goes together.
 *
 * @module
 */
import { endOf, type Settlement } from "../../engine.ts";
import { Batcher } from "../shared/batcher.ts";
import type { Connection } from "./connection.ts";
import { kept, shownOf } from "./job.ts";
import { toJobId } from "./names.ts";
import { scripts } from "./scripts.ts";

/** Ends claims. */
export class Settlements {
  readonly #batcher: Batcher<readonly string[], boolean>;
  readonly #retention: number;

  constructor(connection: Connection, retention: number) {
    this.#retention = retention;
    this.#batcher = new Batcher(async (items) => {
      const what = items.length === 1 ? "settling 1 task" : `settling ${items.length} tasks`;
      const parameters = items.flat();
      const reply = await connection.run(what, scripts.settle, ["0", ...parameters], ["1", ...parameters]);
      return (reply as readonly number[]).map((answer) => answer === 1);
    });
  }

  /** See {@link Engine.settle}. */
  settle(settlements: readonly Settlement[]): Promise<readonly boolean[]> {
    return this.#batcher.add(settlements.map((settlement) => this.#argumentsOf(settlement)));
  }

  /** Settles now what waits for the end of the turn. */
  flush(): void {
    this.#batcher.flush();
  }

  #argumentsOf(settlement: Settlement): string[] {
    const { kind, lease } = settlement;
    const keep = keepText(("keep" in settlement ? settlement.keep : undefined) ?? this.#retention);
    const jobId = toJobId(lease.id);
    if (settlement.kind === "complete") {
      const { text, isString } = kept(settlement.result);
      return [jobId, lease.token, "succeeded", keep, text, isString ? "string" : ""];
    }
    let [state, reason, time, needs, unused] = [kind as string, "", "", "", ""];
    let shown = { text: "", stack: "[]" };
    if (settlement.kind === "release") {
      unused = settlement.unused === true ? "1" : "";
    } else {
      reason = JSON.stringify(settlement.reason);
      if (settlement.kind === "retryAt" || settlement.kind === "defer") {
        time = String(Math.ceil(settlement.at));
      } else {
        state = endOf[settlement.kind];
        shown = shownOf(state, settlement.reason);
        if (settlement.needs !== undefined) needs = JSON.stringify(settlement.needs);
      }
    }
    return [jobId, lease.token, state, keep, reason, time, needs, unused, shown.text, shown.stack];
  }
}

/** For how long a record is kept, as scripts take it. */
export function keepText(keep: number): string {
  return keep < Number.MAX_SAFE_INTEGER / 2 ? String(Math.ceil(keep)) : "never";
}

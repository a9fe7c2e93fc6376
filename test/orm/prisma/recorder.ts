/** An observer that writes down what it is told. */
import { AsyncLocalStorage } from "node:async_hooks";
import type { OrmObserver, SaveEvent } from "../../../src/model/observer.ts";

export interface Recorder extends OrmObserver {
  /** `begun 1`, `begun 2 in 1`, `inserted qa.Comment 7 in 1`, `committed 1`, in the order that they were told. */
  readonly told: string[];
  /** The number of the transaction that the caller is in. */
  readonly here: () => number | undefined;
  readonly events: SaveEvent[];
  /** Called instead of recording a commit or a save, when set. */
  fail?: (what: string) => void;
}

export function recorder(): Recorder {
  const context = new AsyncLocalStorage<object>();
  const numbers = new Map<object, number>();
  const numberOf = (transaction: object): number => {
    const number = numbers.get(transaction) ?? numbers.size + 1;
    numbers.set(transaction, number);
    return number;
  };
  const told: string[] = [];
  const events: SaveEvent[] = [];
  const self: Recorder = {
    told,
    events,
    here() {
      const transaction = context.getStore();
      return transaction && numberOf(transaction);
    },
    begun({ transaction, parent }) {
      told.push(`begun ${numberOf(transaction)}${parent ? ` in ${numberOf(parent)}` : ""}`);
    },
    inside: (transaction, run) => context.run(transaction, run),
    async committed(transaction) {
      told.push(`committed ${numberOf(transaction)}`);
      self.fail?.("committed");
    },
    rolledBack: (transaction) => void told.push(`rolled back ${numberOf(transaction)}`),
    async saved(event) {
      const { operation, model, key, transaction } = event;
      const named = typeof key === "object" ? JSON.stringify(key) : String(key);
      told.push(`${operation} ${model} ${named}${transaction ? ` in ${numberOf(transaction)}` : ""}`);
      events.push(event);
      self.fail?.("saved");
    },
  };
  return self;
}

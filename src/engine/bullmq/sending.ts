/**
 * Sending: what is asked for in one turn goes together.
 *
 * @module
 */
import type { Outgoing } from "../../engine.ts";
import { Batcher } from "../shared/batcher.ts";
import type { Connection } from "./connection.ts";
import { sentOf, type Sent } from "./job.ts";
import { fromJobId } from "./names.ts";
import { scripts } from "./scripts.ts";

/** Sends messages. */
export class Sending {
  readonly #batcher: Batcher<Sent, string>;

  constructor(connection: Connection) {
    this.#batcher = new Batcher(async (items) => {
      const ids = items.map((item) => item.id);
      const what = items.length === 1 ? "sending 1 task" : `sending ${items.length} tasks`;
      const reply = await connection.run(what, scripts.send, parametersOf(items));
      const duplicates = reply as readonly (string | number)[];
      for (let index = 0; index < duplicates.length; index += 2)
        ids[Number(duplicates[index])] = fromJobId(String(duplicates[index + 1]));
      return ids;
    });
  }

  /** See {@link Engine.send}. What cannot be sent is refused before anything is. */
  send(batch: readonly Outgoing[]): Promise<readonly string[]> {
    return this.#batcher.add(batch.map(sentOf));
  }
}

/** What messages have in common, once, and then what each has of its own. */
function parametersOf(items: readonly Sent[]): string[] {
  const kinds = new Map<string, string>();
  const common: string[] = [];
  const own: string[] = [];
  let last: readonly string[] = [];
  let number = "";
  for (const { kind, own: parameters } of items) {
    // As a rule they are all of one kind.
    if (kind.some((text, index) => text !== last[index])) {
      const name = JSON.stringify(kind);
      number = kinds.get(name) ?? String(kinds.size + 1);
      if (!kinds.has(name)) common.push(...kind);
      kinds.set(name, number);
      last = kind;
    }
    own.push(number, ...parameters);
  }
  return [String(kinds.size), ...common, ...own];
}

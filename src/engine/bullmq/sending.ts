/**
 * Sending: what is asked for in one turn goes together.
 *
 * @module
 */
import type { Outgoing } from "../../engine.ts";
import { Batcher } from "../shared/batcher.ts";
import type { Connection } from "./connection.ts";
import { argumentsOf } from "./job.ts";
import { fromJobId } from "./names.ts";
import { scripts } from "./scripts.ts";

interface Item {
  readonly id: string;
  readonly parameters: readonly string[];
}

/** Sends messages. */
export class Sending {
  readonly #batcher: Batcher<Item, string>;

  constructor(connection: Connection) {
    this.#batcher = new Batcher(async (items) => {
      const ids = items.map((item) => item.id);
      const what = items.length === 1 ? "sending 1 task" : `sending ${items.length} tasks`;
      const reply = await connection.run(
        what,
        scripts.send,
        items.flatMap((item) => item.parameters),
      );
      const duplicates = reply as readonly (string | number)[];
      for (let index = 0; index < duplicates.length; index += 2)
        ids[Number(duplicates[index])] = fromJobId(String(duplicates[index + 1]));
      return ids;
    });
  }

  /** See {@link Engine.send}. What cannot be sent is refused before anything is. */
  send(batch: readonly Outgoing[]): Promise<readonly string[]> {
    const items = batch.map((outgoing) => ({
      id: outgoing.message.id,
      parameters: argumentsOf(outgoing),
    }));
    return this.#batcher.add(items);
  }
}

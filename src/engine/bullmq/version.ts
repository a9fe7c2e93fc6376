/**
 * Which versions of BullMQ the scripts hold for, and which settings of Redis.
 *
 * @module
 */
import { PetioleError } from "../../errors.ts";
import type { Connection } from "./connection.ts";
import { fromText } from "./names.ts";
import { scripts } from "./scripts.ts";

/** The major versions whose layout of keys the scripts keep to. */
const known: ReadonlySet<string> = new Set(["5", "6"]);

/** Refuses queues that another version of BullMQ has opened: each writes its own into the queue's `meta`. */
export class Versions {
  readonly #connection: Connection;
  readonly #checked = new Map<string, Promise<void>>();
  readonly #passed = new Set<string>();

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /**
   * Checks queues, each once. Returns nothing to wait for where all were.
   *
   * @param queues as they are in Redis
   * @throws PetioleError `ERR_ENGINE_UNSUPPORTED`
   */
  check(queues: readonly string[]): Promise<void> | undefined {
    const unchecked = queues.filter((queue) => !this.#passed.has(queue));
    if (unchecked.length === 0) return undefined;
    return this.#check(unchecked);
  }

  async #check(queues: readonly string[]): Promise<void> {
    for (const queue of queues) {
      const checking = this.#checked.get(queue) ?? this.#look(queue);
      this.#checked.set(queue, checking);
      // What failed is tried again the next time.
      await checking.finally(() => this.#checked.delete(queue));
      this.#passed.add(queue);
    }
  }

  async #look(queue: string): Promise<void> {
    const version = await this.#connection.run("looking at BullMQ's version", scripts.version, [queue]);
    const [, major] = /^bullmq:(\d+)\./.exec(String(version)) ?? [];
    if (major === undefined || known.has(major)) return;
    throw new PetioleError(
      "ERR_ENGINE_UNSUPPORTED",
      `BullMQ engine: the queue "${fromText(queue)}" was opened by ${String(version)}, and this version of Petiole ` +
        "knows the keys of BullMQ 5 and 6. Use one of these, or a newer Petiole.",
    );
  }
}

/** Warns of a Redis that may throw tasks away, and of one in which this user may send no messages. */
export async function warnOfCircumstances(connection: Connection, prefix: string): Promise<void> {
  const reply = await connection.run("opening the engine", scripts.circumstances, []);
  const [policy, refusal] = reply as readonly [string, string];
  if (policy !== "" && policy !== "noeviction")
    warn(
      `Redis has a maxmemory and the policy ${policy}: when it is full it removes keys, tasks among them. ` +
        'Set maxmemory-policy to "noeviction".',
    );
  if (refusal !== "")
    warn(
      `The user of Redis may send no messages (${refusal}), so that workers and results are a look later. ` +
        `Give it the channels of the engine: ACL SETUSER … &${prefix}:*`,
    );
}

function warn(message: string): void {
  process.emitWarning(message, "PetioleWarning");
}

/**
 * Taking messages, and knowing what was taken.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { PetioleError } from "../../../errors.ts";
import type { Taken, Unreadable } from "../broker.ts";
import type { Connection } from "./connection.ts";
import { heldOf, lostOf, read, suffixOf, wrap } from "./envelope.ts";
import { scripts } from "./scripts.ts";
import { listOf, listsOf, type RedisSettings } from "./settings.ts";

/** Where a message goes when it is given back. */
export interface Origin {
  readonly queue: string;
  readonly list: string;
}

/** A taking whose answer was lost: the next like it asks for what it took. */
interface LostAnswer {
  readonly tag: string;
  readonly asked: string;
}

/** Takes messages. */
export class Taking {
  readonly #connection: Connection;
  readonly #settings: RedisSettings;
  readonly #restore: () => Promise<void>;
  readonly #unreadable: (unreadable: Unreadable) => void;
  /** What is held here, by its tag. */
  readonly #held = new Map<string, Origin>();
  #lost: LostAnswer | undefined;

  constructor(
    connection: Connection,
    settings: RedisSettings,
    restore: () => Promise<void>,
    unreadable: (unreadable: Unreadable) => void,
  ) {
    this.#connection = connection;
    this.#settings = settings;
    this.#restore = restore;
    this.#unreadable = unreadable;
  }

  /** See {@link Broker.take}. Also resolves to whether there was less than was asked for. */
  async take(
    queues: readonly string[],
    limit: number,
    lease: number,
  ): Promise<{ readonly taken: readonly Taken[]; readonly isAll: boolean }> {
    const asked = JSON.stringify([queues, limit]);
    const again = this.#lost?.asked === asked ? this.#lost.tag : undefined;
    if (again !== undefined) this.#lost = undefined;
    const tag = again ?? randomUUID();
    let reply: unknown;
    try {
      reply = await this.#ask(queues, limit, lease, tag, again !== undefined, true);
      if (!Array.isArray(reply)) {
        await this.#restore();
        reply = await this.#ask(queues, limit, lease, tag, again !== undefined, false);
      }
    } catch (error) {
      if (error instanceof PetioleError && error.code === "ERR_ENGINE_UNREACHABLE")
        this.#lost = { tag, asked };
      throw error;
    }
    return this.#read(reply as readonly (Buffer | number)[], queues, limit);
  }

  /** What is known of these tags, of each that is held here. */
  originsOf(tags: readonly string[]): readonly (readonly [tag: string, origin: Origin])[] {
    return tags.flatMap((tag) => {
      const origin = this.#held.get(tag);
      return origin === undefined ? [] : [[tag, origin] as const];
    });
  }

  /** These are held no more. */
  forget(tags: readonly string[]): void {
    for (const tag of tags) this.#held.delete(tag);
  }

  /** Something else was put aside: it is of no known form, and of no known queue. */
  adopt(tag: string, raw: Buffer): void {
    this.#tell(tag, { queue: "celery", list: "celery" }, raw, "what was held of it is not as Kombu has it");
  }

  #ask(
    queues: readonly string[],
    limit: number,
    lease: number,
    tag: string,
    isAgain: boolean,
    tells: boolean,
  ): Promise<unknown> {
    const { keyPrefix, visibilityTimeout } = this.#settings;
    const parameters = (again: boolean): string[] => [
      keyPrefix,
      String(visibilityTimeout / 1000),
      String(lease / 1000),
      tag,
      String(limit),
      again ? "1" : "0",
      tells ? "1" : "0",
      String(listsOf("").length),
      ...queues.flatMap((queue) => [JSON.stringify(queue), ...listsOf(queue)]),
    ];
    return this.#connection.run("taking tasks", scripts.take, parameters(isAgain), parameters(true));
  }

  async #read(
    reply: readonly (Buffer | number)[],
    queues: readonly string[],
    limit: number,
  ): Promise<{ readonly taken: readonly Taken[]; readonly isAll: boolean }> {
    const taken: Taken[] = [];
    for (let at = 0; at < reply.length; at += 4) {
      const tag = String(reply[at]);
      const held = reply[at + 3] as Buffer;
      const origin = originOf(Number(reply[at + 1]), Number(reply[at + 2]), held, queues);
      const found = read(held, origin.queue);
      this.#held.set(tag, origin);
      if ("message" in found) {
        const { message, redelivered } = found;
        taken.push({ tag, message, redelivered });
        continue;
      }
      // Python's workers would end of it, if this process were lost while it holds it.
      if (!found.isWrapped) await this.#hold(tag, heldOf(wrap(found.raw, origin.queue), origin.queue));
      this.#tell(tag, origin, found.raw, found.problem);
    }
    return { taken, isAll: reply.length / 4 < limit };
  }

  async #hold(tag: string, held: string): Promise<void> {
    await this.#connection.run("putting aside what is no task", scripts.hold, [
      this.#settings.keyPrefix,
      tag,
      held,
    ]);
  }

  #tell(tag: string, origin: Origin, raw: Buffer, problem: string): void {
    this.#held.set(tag, origin);
    const text = raw.toString();
    const isText = Buffer.from(text).equals(raw);
    this.#unreadable({
      tag,
      queue: origin.queue,
      text: isText ? text : raw.toString("base64"),
      reason: {
        code: "ERR_TEXT_UNDECODABLE",
        message:
          `The list of the queue "${origin.queue}" held what is no message of Celery's: ${problem}. ` +
          `It is kept as it came, ${isText ? "as text" : "in base64"}; see to who writes it, and discard it.`,
        details: { problem, bytes: raw.length, form: isText ? "text" : "base64" },
      },
    });
  }
}

/** Where it was taken from, which a repeated answer does not tell: then, what is held does. */
function originOf(queue: number, list: number, held: Buffer, queues: readonly string[]): Origin {
  const name = queues[queue - 1];
  if (name !== undefined) return { queue: name, list: listsOf(name)[list - 1] ?? name };
  const { routingKey = queues[0] ?? "celery", priority = 0 } = lostOf(held.toString()) ?? {};
  return { queue: routingKey, list: listOf(routingKey, priority) };
}

/** How many bytes follow the message in what is held. */
export function suffixLength({ queue }: Origin): number {
  return Buffer.byteLength(suffixOf(queue));
}

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

/** By fours: the tag, the number of its queue, that of its list, and what is held. */
type Reply = readonly (Buffer | number)[];

/** Where a message goes when it is given back. */
interface Origin {
  readonly queue: string;
  readonly list: string;
}

/** What is held here. */
interface Held extends Origin {
  /** Until when, by `performance.now()`. */
  until: number;
}

/** What is asked for. */
interface Asked {
  /** When, by `performance.now()`. */
  readonly at: number;
  readonly queues: readonly string[];
  readonly limit: number;
  readonly lease: number;
  readonly tag: string;
}

/** Takes messages. */
export class Taking {
  readonly #connection: Connection;
  readonly #settings: RedisSettings;
  readonly #restore: (asked: number) => Promise<void>;
  readonly #unreadable: (unreadable: Unreadable) => void;
  /** What is held here, by its tag. */
  readonly #held = new Map<string, Held>();
  /** Takings whose answers were lost: what they took is held, and nobody knows. */
  readonly #lost = new Set<Asked>();

  constructor(
    connection: Connection,
    settings: RedisSettings,
    restore: (asked: number) => Promise<void>,
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
    for (const lost of this.#lost) await this.#recover(lost);
    const asked: Asked = { at: performance.now(), queues, limit, lease, tag: randomUUID() };
    let reply: unknown;
    try {
      reply = await this.#ask(asked, { tells: true });
      if (!Array.isArray(reply)) {
        await this.#restore(asked.at);
        reply = await this.#ask(asked);
      }
    } catch (error) {
      if (error instanceof PetioleError && error.code === "ERR_ENGINE_UNREACHABLE") this.#lost.add(asked);
      throw error;
    }
    return this.#read(reply as Reply, asked);
  }

  /** Gives back what a taking took whose answer was lost: it was never run. */
  async #recover(lost: Asked): Promise<void> {
    if (!this.#lost.delete(lost)) return;
    try {
      const reply = (await this.#ask(lost, { isAgain: true })) as Reply;
      const tags: string[] = [];
      for (let at = 0; at < reply.length; at += 4) {
        const tag = String(reply[at]);
        this.#held.set(tag, { ...originOf(reply, at, lost.queues), until: lost.at + lost.lease });
        tags.push(tag);
      }
      await this.giveBack(tags);
    } catch (error) {
      this.#lost.add(lost);
      throw error;
    }
  }

  /** See {@link Broker.giveBack}. Resolves to the queues to which something was given back. */
  async giveBack(tags: readonly string[]): Promise<readonly string[]> {
    const parameters: string[] = [];
    const queues = new Set<string>();
    // What is pushed last comes out first.
    for (const tag of tags.toReversed()) {
      const origin = this.#held.get(tag);
      if (origin === undefined) continue;
      queues.add(origin.queue);
      parameters.push(tag, origin.list, String(Buffer.byteLength(suffixOf(origin.queue))));
    }
    if (parameters.length === 0) return [];
    const { keyPrefix } = this.#settings;
    await this.#connection.run("giving tasks back", scripts.giveBack, [keyPrefix, ...parameters]);
    this.forget(tags);
    return [...queues];
  }

  /** These are held no more. */
  forget(tags: readonly string[]): void {
    for (const tag of tags) this.#held.delete(tag);
  }

  /** These are held for so long from then on, by `performance.now()`. */
  extended(tags: readonly string[], lease: number, asked: number): void {
    for (const tag of tags) {
      const held = this.#held.get(tag);
      if (held !== undefined) held.until = asked + lease;
    }
  }

  /** Until when this process has it, by `performance.now()`; undefined for what it has not. */
  heldUntil(tag: string): number | undefined {
    return this.#held.get(tag)?.until;
  }

  /** Something else was put aside: it is of no known form, and of no known queue. */
  adopt(tag: string, raw: Buffer): void {
    this.#tell(tag, { queue: "celery", list: "celery" }, raw, "what was held of it is not as Kombu has it");
  }

  #ask(
    { queues, limit, lease, tag }: Asked,
    { isAgain = false, tells = false }: { readonly isAgain?: boolean; readonly tells?: boolean } = {},
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
    reply: Reply,
    { at: asked, queues, limit, lease }: Asked,
  ): Promise<{ readonly taken: readonly Taken[]; readonly isAll: boolean }> {
    const taken: Taken[] = [];
    for (let at = 0; at < reply.length; at += 4) {
      const tag = String(reply[at]);
      const held = reply[at + 3] as Buffer;
      const origin = originOf(reply, at, queues);
      const found = read(held, origin.queue);
      this.#held.set(tag, { ...origin, until: asked + lease });
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
    this.#held.set(tag, { ...origin, until: this.#held.get(tag)?.until ?? 0 });
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
function originOf(reply: Reply, at: number, queues: readonly string[]): Origin {
  const name = queues[Number(reply[at + 1]) - 1];
  if (name !== undefined) return { queue: name, list: listsOf(name)[Number(reply[at + 2]) - 1] ?? name };
  const lost = lostOf(String(reply[at + 3]));
  const { routingKey = queues[0] ?? "celery", priority = 0 } = lost ?? {};
  return { queue: routingKey, list: listOf(routingKey, priority) };
}

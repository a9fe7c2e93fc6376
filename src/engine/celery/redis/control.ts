/**
 * Celery's remote control and events, by channels and lists of Redis.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import type { Answer, Listening, Mailbox } from "../control/mailbox.ts";
import {
  replyExchange,
  controlBody,
  malformed,
  readControl,
  type ControlMessage,
  type ReplyAddress,
} from "../control/message.ts";
import { isObject } from "../protocol/malformed.ts";
import type { Connection } from "./connection.ts";
import { bodyOf, broadcastEnvelopeOf } from "./envelope.ts";
import type { Link, Part } from "../../shared/redis/link.ts";
import { separator, type RedisSettings } from "./settings.ts";

const exchange = "celery.pidbox";
const eventExchange = "celeryev";

/** For so long an answer waits for whoever has asked, in seconds. */
const answerLasts = 300;

/** Answers and events longer than this are left alone, in bytes. */
const longest = 16 * 1024 ** 2;

/** Carries remote control and events. */
export class RedisMailbox implements Mailbox {
  readonly #connection: Connection;
  readonly #settings: Pick<RedisSettings, "keyPrefix" | "hostname">;
  readonly #prefix: string;
  readonly #stops = new Set<() => void>();

  /** @param database the number of the one that is used, which channels have in their names */
  constructor(
    connection: Connection,
    settings: Pick<RedisSettings, "keyPrefix" | "hostname">,
    database: number,
  ) {
    this.#connection = connection;
    this.#settings = settings;
    this.#prefix = `${settings.keyPrefix}/${database}.`;
  }

  async broadcast(message: ControlMessage): Promise<void> {
    const text = broadcastEnvelopeOf(exchange, controlBody(message));
    await this.#connection.call("telling all workers", ["PUBLISH", this.#prefix + exchange, text]);
  }

  onBroadcast(listener: (message: ControlMessage) => void): () => void {
    this.#connection.refuseClosed();
    return this.#stopping(
      this.#connection.hub.channels.listen(this.#prefix + exchange, (text) => {
        if (text === undefined) return;
        const read = readEnvelope(text);
        const message = read
          ? readControl(read.body, this.#settings.hostname)
          : malformed("it is no message");
        if (message !== undefined) listener(message);
      }),
    );
  }

  async answer(to: ReplyAddress, reply: object, clock: number): Promise<void> {
    const key = `${this.#settings.keyPrefix}_kombu.binding.${to.exchange}`;
    const members = (await this.#tell(["SMEMBERS", key])) as readonly Buffer[];
    const text = broadcastEnvelopeOf(to.exchange, reply, {
      routingKey: to.routingKey,
      headers: { ticket: to.ticket, clock },
    });
    for (const member of members) {
      const [routingKey, , queue = ""] = member.toString().split(separator);
      // A binding from anyone may name a queue of tasks.
      if (routingKey !== to.routingKey || !queue.endsWith(`.${replyExchange}`)) continue;
      const list = this.#settings.keyPrefix + queue;
      await this.#tell(["LPUSH", list, text]);
      await this.#tell(["EXPIRE", list, String(answerLasts)]);
    }
  }

  async onAnswers(listener: (answer: Answer) => void): Promise<Listening> {
    const routingKey = randomUUID();
    const queue = `${routingKey}.${replyExchange}`;
    const { keyPrefix } = this.#settings;
    const binding = [`${keyPrefix}_kombu.binding.${replyExchange}`, [routingKey, "", queue].join(separator)];
    await this.#connection.call("asking workers", ["SADD", ...binding]);
    const link = this.#connection.hub.link();
    const state = { isOver: false };
    const hearing = hear(link, keyPrefix + queue, state, (text) => {
      const read = readEnvelope(text);
      listener({ ticket: read?.headers["ticket"], body: read?.body });
    });
    return {
      address: { exchange: replyExchange, routingKey },
      stop: async () => {
        state.isOver = true;
        link.close();
        await hearing;
        await this.#connection.call("asking workers", ["SREM", ...binding]).catch(() => undefined);
        await this.#connection.call("asking workers", ["DEL", keyPrefix + queue]).catch(() => undefined);
      },
    };
  }

  async emit(routingKey: string, events: object, hostname: string): Promise<void> {
    const text = broadcastEnvelopeOf(eventExchange, events, {
      routingKey,
      headers: { hostname },
      deliveryMode: 1,
    });
    await this.#tell(["PUBLISH", `${this.#prefix}${eventExchange}/${routingKey}`, text]);
  }

  onEvents(listener: (body: unknown) => void, hears: () => void): () => void {
    this.#connection.refuseClosed();
    const pattern = `${globOf(this.#prefix)}${eventExchange}/*`;
    return this.#stopping(
      this.#connection.hub.channels.listen(
        pattern,
        (text) => {
          if (text === undefined) hears();
          else listener(readEnvelope(text)?.body);
        },
        true,
      ),
    );
  }

  async close(): Promise<void> {
    for (const stop of this.#stops) stop();
    this.#stops.clear();
  }

  #stopping(stop: () => void): () => void {
    this.#stops.add(stop);
    return () => {
      this.#stops.delete(stop);
      stop();
    };
  }

  /** At most once, and at once: nothing is repeated, and a server that is away is not waited for. */
  async #tell(command: readonly Part[]): Promise<unknown> {
    const { hub } = this.#connection;
    if (!hub.commands.isReady) throw new Error("Redis cannot be reached");
    hub.busy(1);
    try {
      return await hub.commands.send(command);
    } finally {
      hub.busy(-1);
    }
  }
}

/** Takes what is put into a list, until it is over. Never rejects. */
async function hear(
  link: Link,
  list: string,
  state: { readonly isOver: boolean },
  heard: (text: Buffer) => void,
): Promise<void> {
  while (!state.isOver) {
    try {
      const reply = link.isReady ? await link.send(["BRPOP", list, "1"]) : undefined;
      if (Array.isArray(reply) && Buffer.isBuffer(reply[1])) heard(reply[1]);
      else if (reply === undefined) await sleep(10);
    } catch {
      // The connection was lost, or is closed because it is over.
      if (!state.isOver) await sleep(50);
    }
  }
}

/** Reads what was published, from anyone. Undefined for what is no message. */
function readEnvelope(
  text: Buffer,
): { readonly headers: Readonly<Record<string, unknown>>; readonly body: unknown } | undefined {
  if (text.byteLength > longest) return undefined;
  try {
    const envelope: unknown = JSON.parse(text.toString());
    if (!isObject(envelope)) return undefined;
    const body: unknown = JSON.parse(bodyOf(envelope)?.toString() ?? "");
    return { headers: isObject(envelope["headers"]) ? envelope["headers"] : {}, body };
  } catch {
    return undefined;
  }
}

/** A name as it is, in a pattern of Redis's. */
function globOf(name: string): string {
  return name.replaceAll(/[*?[\]\\]/g, String.raw`\$&`);
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

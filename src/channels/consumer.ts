/**
 * A background consumer: what `runworker` is in Python.
 *
 * @module
 */
import { refuseSpans } from "../engine/shared/milliseconds.ts";
import { DecodeError, PetioleError, checkNames, describe } from "../errors.ts";
import type { ChannelErrorContext } from "./errors.ts";
import type { ReceivedMessage } from "./inbox.ts";

/** What a handler is told beside its message. */
export interface ChannelContext {
  /** The channel that the message came through. */
  readonly channel: string;
  /** Aborts when the consumer is closed and may wait no longer. */
  readonly signal: AbortSignal;
}

/** Handlers by the `type` of their messages. `chat.said` and `chat_said` are one, as in Python. */
export type ChannelHandlers<Messages extends object = Record<string, Record<string, unknown>>> = {
  readonly [Type in keyof Messages & string]: (
    message: Messages[Type] & { readonly type: string },
    context: ChannelContext,
  ) => unknown;
};

/** How {@link ChannelConsumer} behaves. */
export interface ConsumeOptions {
  /**
   * How many handlers run at once, of each channel. 1 unless told: one after the other in the order of the messages, as in
   * `runworker`.
   */
  readonly concurrency?: number;
}

/** A background consumer. */
export interface ChannelConsumer {
  /**
   * Takes nothing more, and resolves when the handlers that run have ended. What was not taken is in Redis then.
   *
   * @param options `timeout`, in milliseconds: after it their signal aborts, and they are waited for no longer. None unless
   * told.
   * @throws PetioleError `ERR_OPTION_INVALID` for a timeout that cannot be; then nothing is closed
   */
  close(options?: { readonly timeout?: number }): Promise<void>;
}

type Handler = (message: ReceivedMessage & { readonly type: string }, context: ChannelContext) => unknown;

/** What a consumer is made of. */
export interface ConsumerParts {
  readonly receive: (channel: string, signal: AbortSignal) => Promise<ReceivedMessage>;
  readonly tell: (error: unknown, context: ChannelErrorContext) => void;
  /** Resolves once what came in the moment in which it stopped is put back. */
  readonly settled: () => Promise<void>;
  readonly closed: () => void;
}

/** See {@link ChannelConsumer}. */
export class Consumer implements ChannelConsumer {
  readonly #parts: ConsumerParts;
  readonly #handlers: ReadonlyMap<string, Handler>;
  readonly #concurrency: number;
  readonly #stopping = new AbortController();
  readonly #hurrying = new AbortController();
  readonly #listening: Promise<unknown>;

  constructor(channels: readonly string[], handlers: object, options: ConsumeOptions, parts: ConsumerParts) {
    checkNames("The options of consume()", options, { concurrency: true });
    const { concurrency = 1 } = options;
    if (!Number.isSafeInteger(concurrency) || concurrency < 1)
      throw invalid(`concurrency is a whole number above 0; it got ${describe(concurrency)}.`);
    this.#concurrency = concurrency;
    this.#handlers = handlersOf(handlers);
    this.#parts = parts;
    this.#listening = Promise.all(channels.map((channel) => this.#listen(channel)));
  }

  async close(options: { readonly timeout?: number } = {}): Promise<void> {
    refuseSpans("consumer.close()", options, { timeout: { least: 0, isTimer: true } });
    this.#stopping.abort();
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const { timeout } = options;
    const timer =
      timeout === undefined
        ? undefined
        : setTimeout(() => {
            this.#hurrying.abort();
            resolve();
          }, timeout);
    await Promise.race([this.#listening.then(() => this.#parts.settled()), late]);
    clearTimeout(timer);
    this.#parts.closed();
  }

  async #listen(channel: string): Promise<void> {
    const running = new Set<Promise<void>>();
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      if (running.size >= this.#concurrency) {
        await Promise.race(running);
        continue;
      }
      let message: ReceivedMessage;
      try {
        message = await this.#parts.receive(channel, signal);
      } catch (error) {
        if (signal.aborted) break;
        // It will not receive any more: the layer was closed, or lacks what it needs.
        this.#parts.tell(error, { channel });
        break;
      }
      const run = this.#handle(channel, message).then(() => void running.delete(run));
      running.add(run);
    }
    await Promise.all(running);
  }

  async #handle(channel: string, message: ReceivedMessage): Promise<void> {
    try {
      const { type } = message;
      if (typeof type !== "string" || type === "")
        throw new DecodeError({ path: "message.type", expected: "a text", found: describe(type) });
      const handler = this.#handlers.get(nameOf(type));
      if (handler === undefined) throw unhandled(channel, type);
      await handler({ ...message, type }, { channel, signal: this.#hurrying.signal });
    } catch (error) {
      this.#parts.tell(error, { channel, message });
    }
  }
}

/** What Python's consumers call their methods. */
function nameOf(type: string): string {
  return type.replaceAll(".", "_");
}

function handlersOf(handlers: unknown): Map<string, Handler> {
  if (typeof handlers !== "object" || handlers === null || Array.isArray(handlers))
    throw invalid(`handlers are an object, { "chat.said": (message) => … }; it got ${describe(handlers)}.`);
  const found = new Map<string, Handler>();
  for (const [type, handler] of Object.entries(handlers) as [string, unknown][]) {
    const name = nameOf(type);
    if (typeof handler !== "function")
      throw invalid(`the handler of ${describe(type)} is a function; it got ${describe(handler)}.`);
    if (name === "" || name.startsWith("_"))
      throw invalid(
        `a type does not begin with "_" or ".", which Channels refuses; it got ${describe(type)}.`,
      );
    if (found.has(name))
      throw invalid(`${describe(type)} is there twice: in types "." and "_" are the same.`);
    found.set(name, handler as Handler);
  }
  return found;
}

function unhandled(channel: string, type: string): PetioleError {
  return new PetioleError(
    "ERR_CHANNEL_UNHANDLED",
    `A message of type ${describe(type)} came through channel ${channel}, and there is no handler for it: it is gone. ` +
      "Add a handler to consume(), or see to it that it is sent elsewhere.",
  );
}

function invalid(message: string): PetioleError {
  return new PetioleError("ERR_OPTION_INVALID", `consume(): ${message}`);
}

/**
 * A channel for one purpose: opened when it is needed, and again after it was lost.
 *
 * @module
 */
import type { AmqpConnection, ChannelKinds } from "./connection.ts";
import { sleep, within } from "./connection.ts";
import { closedError, failure } from "./errors.ts";

/** The longest rest between two tries to open it again, in milliseconds. */
const longestRest = 1000;

/** What a channel is for. */
export interface Purpose<Kind extends keyof ChannelKinds> {
  readonly kind: Kind;
  /** Makes a new one ready, each time that it was opened. */
  readonly prepare?: (channel: ChannelKinds[Kind]) => Promise<void>;
  /** It was lost, and with it what was delivered on it. */
  readonly lost?: (channel: ChannelKinds[Kind]) => void;
  /** Whether one that was lost is to be opened again at once, since others wait for what it hears. */
  readonly lasting?: () => boolean;
  /** Such a one is there again. */
  readonly back?: () => void;
}

/** Gives the channel. */
export class OwnChannel<Kind extends keyof ChannelKinds> {
  readonly #connection: AmqpConnection;
  readonly #purpose: Purpose<Kind>;
  #opening: Promise<ChannelKinds[Kind]> | undefined;
  #channel: ChannelKinds[Kind] | undefined;
  #reopening = false;
  #closed = false;

  constructor(connection: AmqpConnection, purpose: Purpose<Kind>) {
    this.#connection = connection;
    this.#purpose = purpose;
  }

  /** The channel, opened if need be. @param what the thing that it is for, for errors */
  async open(what: string): Promise<ChannelKinds[Kind]> {
    if (this.#closed) throw closedError();
    if (this.#channel) return this.#channel;
    const opening = (this.#opening ??= this.#open(what));
    try {
      return await opening;
    } finally {
      if (this.#opening === opening) this.#opening = undefined;
    }
  }

  get isOpen(): boolean {
    return this.#channel !== undefined;
  }

  /** Whether this one is still there. */
  has(channel: ChannelKinds[Kind]): boolean {
    return this.#channel === channel;
  }

  /**
   * Asks for something and waits for the answer. Without one in time the channel is given up, so that what comes late goes
   * back to its queue.
   */
  async ask<Answer>(
    what: string,
    call: (channel: ChannelKinds[Kind]) => Promise<Answer>,
    channel?: ChannelKinds[Kind],
  ): Promise<Answer> {
    const asked = channel ?? (await this.open(what));
    try {
      return await within(this.#connection.timeout, call(asked));
    } catch (error) {
      if (this.#channel === asked) this.drop(asked);
      throw failure(what, true, this.#connection.again, error);
    }
  }

  /** Gives up a channel. */
  drop(channel: ChannelKinds[Kind]): void {
    this.#lost(channel);
    try {
      channel.close().catch(() => undefined);
    } catch {
      // It was closed already.
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    const channel = this.#channel ?? (await this.#opening?.catch(() => undefined));
    this.#channel = undefined;
    if (!channel) return;
    // A closed channel throws. One whose connection is lost meanwhile closes too, and is not answered.
    const closed = new Promise<void>((resolve) => {
      channel.on("close", () => resolve());
    });
    const closing = Promise.race([closed, (async () => channel.close())()]);
    await within(this.#connection.timeout, closing).catch(() => undefined);
  }

  async #open(what: string): Promise<ChannelKinds[Kind]> {
    const { kind, prepare } = this.#purpose;
    const channel = await this.#connection.channel(kind, what);
    let gone = false;
    channel.on("close", () => {
      gone = true;
      this.#lost(channel);
    });
    try {
      if (prepare) await within(this.#connection.timeout, prepare(channel));
      if (gone) throw new Error("the channel was closed while it was opened");
      if (this.#closed) throw closedError();
    } catch (error) {
      if (!gone) this.drop(channel);
      throw failure(what, false, this.#connection.again, error);
    }
    this.#channel = channel;
    return channel;
  }

  #lost(channel: ChannelKinds[Kind]): void {
    if (this.#channel !== channel) return;
    this.#channel = undefined;
    this.#purpose.lost?.(channel);
    if (this.#purpose.lasting?.()) void this.reopen();
  }

  /** Opens it, and tries for as long as it takes. */
  async reopen(): Promise<void> {
    if (this.#reopening) return;
    this.#reopening = true;
    try {
      for (
        let wait = 20;
        !this.#closed && this.#purpose.lasting?.();
        wait = Math.min(2 * wait, longestRest)
      ) {
        try {
          await this.open("connecting again");
          this.#purpose.back?.();
          return;
        } catch {
          // A connection that cannot be made again is told to whoever calls.
          if (!this.#connection.again) return;
          await sleep(wait);
        }
      }
    } finally {
      this.#reopening = false;
    }
  }
}

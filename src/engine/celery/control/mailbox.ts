/**
 * What a transport does for remote control and for events, beside the tasks that it carries.
 *
 * @module
 */
import type { ControlMessage, ReplyAddress } from "./message.ts";

/** An answer to what was asked of all workers, from anyone. */
export interface Answer {
  /** Which question it answers, as far as it says. */
  readonly ticket: unknown;
  readonly body: unknown;
}

/** Hears answers. */
export interface Listening {
  /** Where answers are to be sent; each question has a ticket of its own. */
  readonly address: Omit<ReplyAddress, "ticket">;
  /** Resolves once it hears, also after the connection was lost. Absent where answers wait for as long as nobody hears. */
  readonly hears?: () => Promise<void>;
  stop(): Promise<void>;
}

/** Carries what is told to all, and what is answered. */
export interface Mailbox {
  /** Tells all workers of any language. */
  broadcast(message: ControlMessage): Promise<void>;

  /** Calls `listener` with what others, and this process, broadcast to this worker. Returns the function that stops it. */
  onBroadcast(listener: (message: ControlMessage) => void): () => void;

  /** Answers one that was asked. That nobody waits any more is no error. */
  answer(to: ReplyAddress, reply: object, clock: number): Promise<void>;

  /** Hears answers, from the moment on that it resolves. */
  onAnswers(listener: (answer: Answer) => void): Promise<Listening>;

  /** Tells whoever watches; it may be lost. */
  emit(routingKey: string, events: object, hostname: string): Promise<void>;

  /**
   * Hears events, through reconnects.
   *
   * @param listener called with what each message holds, from anyone: an event, a list of them, or anything else
   * @param hears called whenever it begins to hear, for the first time or again: what was before, it missed
   * @returns stops it
   */
  onEvents(listener: (body: unknown) => void, hears: () => void): () => void;

  close(): Promise<void>;
}

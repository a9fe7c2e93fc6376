/**
 * What the engine asks of a transport: Redis lists as Kombu keeps them, or queues of RabbitMQ.
 *
 * Three parts, each behind its interface: the {@link Broker} carries messages, {@link Results} keeps how tasks ended, as
 * Celery's result backends do, and {@link Kept} holds what waits for a person, which Celery has nothing for.
 *
 * @module
 */
import type { QueueCount, ListRequest, Reason } from "../../engine.ts";
import type { ControlMessage, ReplyAddress } from "./control/message.ts";
import type { ChordStart } from "./protocol/applying.ts";
import type { EndedHeader } from "./protocol/chord.ts";
import type { ChordPart } from "./protocol/ends.ts";
import type { CeleryMessage } from "./protocol/message.ts";
import type { TaskEnd } from "./protocol/result.ts";
import type { Stamp } from "./revoked.ts";

export type { ControlMessage };

/** A message that was taken, and not acknowledged yet. */
export interface Taken {
  /** The right to it: new with each taking, so that who comes late is fenced. */
  readonly tag: string;
  readonly message: CeleryMessage;
  /** Somebody had it before, and was lost or gave it back. */
  readonly redelivered: boolean;
}

/** How a taken message is done with. What it publishes is accepted before the message is acknowledged. */
export interface Finish {
  readonly tag: string;
  /** What takes its place: another attempt, a later time, the next step of a chain. */
  readonly publish: readonly CeleryMessage[];
  /** It goes to the front of its queue, where the broker can (see `keepsPlace`): the last of all first. */
  readonly front?: boolean;
}

/** What was called off: a task, or all that carry a stamp. */
export interface RevokedTask {
  /** Empty where it is a stamp. */
  readonly id: string;
  readonly stamp?: Stamp;
  readonly reason: Reason;
  /** Also where it runs. */
  readonly terminate: boolean;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** Carries messages. Every call opens it if need be. */
export interface Broker {
  /** For messages to people. */
  readonly name: "Redis" | "RabbitMQ";
  /** All of a batch is accepted or none of it. */
  readonly atomic: boolean;
  /** Messages can be put at the front of their queue, so that they keep their place. */
  readonly keepsPlace: boolean;
  /** For so many milliseconds a message may be held; undefined for as long as its right is extended. */
  readonly holdsFor?: number;

  open(): Promise<void>;

  /** Resolves once the broker has accepted all of them. */
  publish(messages: readonly CeleryMessage[]): Promise<void>;

  /**
   * Takes messages that wait, at most `limit`, in the order of `queues`; never waits for one. Each is this process's for
   * `lease` milliseconds. What it could not make a message of is not among them: see `onUnreadable`.
   */
  take(queues: readonly string[], limit: number, lease: number): Promise<readonly Taken[]>;

  /** Extends the right to `lease` milliseconds from now. Resolves to the tags that are lost. */
  extend(tags: readonly string[], lease: number): Promise<readonly string[]>;

  /**
   * Acknowledges. Of those whose right was lost nothing is done. For the others `before` is called first, once, and what
   * it does is done before any of them is acknowledged: their results are stored there.
   *
   * @returns for each whether it was still held
   */
  finish(
    finishes: readonly Finish[],
    before: (held: readonly boolean[]) => Promise<void>,
  ): Promise<readonly boolean[]>;

  /** Gives messages back untouched, to the front of their queue where that can be. */
  giveBack(tags: readonly string[]): Promise<void>;

  /**
   * Calls `listener` when `take` may find something. It may call it too often, and never misses for long. Returns the
   * function that stops it.
   */
  onArrival(queues: readonly string[], listener: () => void): () => void;

  /**
   * Calls `listener` with what lies in a queue and is no message of any known form, after it was put aside: its bytes are
   * held as `Taken` is, under a tag, so that the engine parks it.
   */
  onUnreadable(listener: (unreadable: Unreadable) => void): void;

  /** Tells all workers of any language. */
  broadcast(message: ControlMessage): Promise<void>;

  /** Calls `listener` with what others, and this process, broadcast. Returns the function that stops it. */
  onBroadcast(listener: (message: ControlMessage) => void): () => void;

  /** Answers one that was asked by remote control. That nobody waits any more is no error. */
  readonly answer?: (to: ReplyAddress, reply: object, clock: number) => Promise<void>;

  /**
   * Tells whoever watches: an event, or a list of them. At once or not at all; it may be lost.
   *
   * @param routingKey such as `task.multi`
   * @param hostname who tells
   */
  readonly emit?: (routingKey: string, events: object, hostname: string) => Promise<void>;

  /** Remembers what was called off, for workers that begin later. Left out where the broker has no place for that. */
  readonly remember?: (revoked: readonly RevokedTask[]) => Promise<void>;

  /** What was called off since then, in epoch milliseconds. */
  readonly remembered?: (since: number) => Promise<readonly RevokedTask[]>;

  /** How many messages wait in each queue that was used here. */
  lengths(): Promise<readonly { readonly queue: string; readonly count: number }[]>;

  close(): Promise<void>;
}

/** What lay in a queue and is no message. */
export interface Unreadable {
  readonly tag: string;
  readonly queue: string;
  /** What it is made of, as far as it is text; else base64. */
  readonly text: string;
  readonly reason: Reason;
}

/** Keeps how tasks ended. */
export interface Results {
  /** Whether `find` answers for tasks that other processes sent. Results by rpc go to whoever sent the task alone. */
  readonly shared: boolean;
  /** Where a task that this process sends shall be answered: its `reply_to`. */
  readonly replyTo: string | undefined;

  open(): Promise<void>;

  /** Stores ends, and tells whoever waits. An end that is a success is never overwritten. */
  store(ends: readonly { readonly end: TaskEnd; readonly replyTo: string | undefined }[]): Promise<void>;

  /** The end of a task; undefined where none is known. */
  find(id: string): Promise<TaskEnd | undefined>;

  /** Forgets how tasks ended: they begin again. */
  forget(tasks: readonly { readonly id: string; readonly replyTo: string | undefined }[]): Promise<void>;

  /** Calls `listener` when the end of a task may be there. Returns the function that stops it. */
  onEnd(id: string, listener: () => void): () => void;

  /** Counts the parts of chords. Left out where they cannot be counted. */
  readonly chords?: ChordParts;

  close(): Promise<void>;
}

/** Counts the parts of chords, as Celery's result backend does. */
export interface ChordParts {
  /** Says how many parts chords wait for. Once they are known, their headers are sent. */
  begin(chords: readonly ChordStart[]): Promise<void>;

  /**
   * Counts parts that have ended. One that was counted before is not counted again, also when it ends otherwise: then a
   * success holds.
   *
   * @returns for each the header whose parts have all ended with it, or had before; undefined while some have not
   */
  add(
    parts: readonly ChordPart[],
  ): Promise<readonly (EndedHeader | { readonly problem: string } | undefined)[]>;

  /** Forgets parts of chords whose bodies were sent. */
  remove(groups: readonly string[]): Promise<void>;
}

/** A task that waits for a person: failed or parked, with its bytes and the reason. Plain JSON. */
export interface KeptTask {
  readonly id: string;
  readonly task: string;
  readonly queue: string;
  readonly state: "failed" | "parked";
  readonly endedAt: number;
  readonly sentAt: number;
  readonly attempts: number;
  readonly crashes: number;
  readonly deferrals: number;
  readonly reason: Reason;
  readonly worker?: string;
  /** As it came; its body in base64. */
  readonly message: KeptMessage;
}

/** A {@link CeleryMessage} as plain JSON. */
export interface KeptMessage extends Omit<CeleryMessage, "body"> {
  readonly body: string;
}

/** Holds what waits for a person. */
export interface Kept {
  open(): Promise<void>;
  /** One of an id that is there already takes its place. */
  put(tasks: readonly KeptTask[]): Promise<void>;
  find(id: string): Promise<KeptTask | undefined>;
  /** In the order in which they ended. */
  list(request: ListRequest): Promise<{ readonly tasks: readonly KeptTask[]; readonly next?: string }>;
  counts(): Promise<readonly QueueCount[]>;
  /**
   * Hands each of these to `settle` and removes it once that has resolved: it is there until what takes its place is
   * accepted. Resolves to how many there were.
   */
  remove(ids: readonly string[], settle: (tasks: readonly KeptTask[]) => Promise<void>): Promise<number>;
  close(): Promise<void>;
}

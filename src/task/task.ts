/** Tasks: a name, the types of what goes in and out, and, in a worker, what to do. @module */
import type { Outgoing } from "../engine.ts";
import { EncodeError, PetioleError, describe, type Refusal } from "../errors.ts";
import type { MessageHeaders } from "../message.ts";
import { wireVersion, type TaskWire } from "../wire/wire.ts";
import { makeHandle, type Handle, type HandleContext } from "./handle.ts";
import { newId } from "./id.ts";
import type { Job } from "./job.ts";
import { queueName, runAtOf, type EnqueueOptions, type TaskSettings } from "./options.ts";
import type { Portable } from "./portable.ts";
import type { Transactions } from "./transaction.ts";

/** This many of the values that cannot travel are told, of all payloads together. */
const mostRefusals = 100;

/** What a worker runs. */
export type Handler<Payload, Result, Rows> = (payload: Payload, job: Job<Rows>) => Result | Promise<Result>;

/** What a task needs of its app. */
export interface TaskContext extends HandleContext {
  readonly wire: TaskWire;
  readonly transactions: Transactions;
}

/** The arguments of `enqueue`: the payload may be left out where undefined is one. */
type EnqueueArguments<Payload, Known> = undefined extends Payload
  ? [payload?: Portable<Payload, Known>, options?: EnqueueOptions]
  : [payload: Portable<Payload, Known>, options?: EnqueueOptions];

/**
 * A task. Made by `app.task`.
 *
 * `Payload` is what the handler gets, `Result` what it returns; `Known` are the instances of the app's value
 * classes, `Rows` its models' rows by name.
 */
export class Task<Payload = unknown, Result = unknown, Known = never, Rows = object> {
  readonly name: string;
  readonly settings: TaskSettings;
  #handler: Handler<Payload, Result, Rows> | undefined;
  readonly #context: TaskContext;

  /** Made by `app.task` alone. */
  constructor(
    context: TaskContext,
    name: string,
    settings: TaskSettings,
    handler: Handler<Payload, Result, Rows> | undefined,
  ) {
    this.#context = context;
    this.name = name;
    this.settings = settings;
    this.#handler = handler;
  }

  /** What {@link run} attached. */
  get handler(): Handler<Payload, Result, Rows> | undefined {
    return this.#handler;
  }

  /**
   * Attaches the handler, where the worker runs; a process that only sends need not import it.
   *
   * @throws PetioleError `ERR_TASK_DUPLICATE` when there is one already
   */
  run(handler: Handler<Payload, Result, Rows>): this {
    if (this.#handler) {
      throw new PetioleError(
        "ERR_TASK_DUPLICATE",
        `Task ${this.name} has a handler already; run() takes one.`,
      );
    }
    if (typeof handler !== "function") {
      throw new PetioleError(
        "ERR_OPTION_INVALID",
        `run() of task ${this.name} must be given a function, received ${describe(handler)}.`,
      );
    }
    this.#handler = handler;
    return this;
  }

  /**
   * Sends the task with a payload. Resolves when the engine has accepted it, or, inside `app.transaction`, at
   * once: it is then sent after the commit.
   *
   * @throws EncodeError when something in the payload cannot travel
   * @throws LimitError when the payload is over a limit
   * @throws PetioleError `ERR_OPTION_INVALID`, and what the engine throws when it cannot accept it
   */
  async enqueue(...[payload, options = {}]: EnqueueArguments<Payload, Known>): Promise<Handle<Result>> {
    const outgoing = this.#outgoing(payload, options, "payload", `this payload to task "${this.name}"`);
    const sending = await this.#context.transactions.send([outgoing]);
    return makeHandle(this.#context, this.name, outgoing.message.id, sending);
  }

  /**
   * Sends the task once for each payload: all of them or none.
   *
   * @throws EncodeError that names every value that cannot travel in any of the payloads, and as `enqueue`
   */
  async enqueueMany(
    payloads: readonly Portable<Payload, Known>[],
    options: EnqueueOptions = {},
  ): Promise<Handle<Result>[]> {
    const batch: Outgoing[] = [];
    const refusals: Refusal[] = [];
    let refused = 0;
    const what = `these payloads to task "${this.name}"`;
    for (const [index, payload] of payloads.entries()) {
      try {
        batch.push(this.#outgoing(payload, options, `payloads[${index}]`, what));
      } catch (error) {
        if (!(error instanceof EncodeError)) throw error;
        refused += error.count;
        refusals.push(...error.refusals.slice(0, Math.max(0, mostRefusals - refusals.length)));
      }
    }
    if (refused > 0) throw new EncodeError(what, refusals, refused);
    if (batch.length === 0) return [];
    const sending = await this.#context.transactions.send(batch);
    return batch.map(({ message }) => makeHandle(this.#context, this.name, message.id, sending));
  }

  /** A handle on one of this task that was enqueued before, by any process. */
  handle(id: string): Handle<Result> {
    return makeHandle(this.#context, this.name, id);
  }

  #outgoing(payload: unknown, options: EnqueueOptions, root: string, what: string): Outgoing {
    const { text, types } = this.#context.wire.encodeFor(payload, { root, what });
    const headers: MessageHeaders = types.length > 0 ? { wire: wireVersion, types } : { wire: wireVersion };
    const queue = options.queue === undefined ? this.settings.queue : queueName(options.queue);
    return {
      message: { id: newId(), task: this.name, queue, payload: text, headers },
      runAt: runAtOf(options, Date.now()),
    };
  }
}

/** Tasks: a name, the types of what goes in and out, and, in a worker, what to do. @module */
import type { Outgoing } from "../engine.ts";
import { PetioleError, describe } from "../errors.ts";
import { checkLists } from "../wire/limits.ts";
import type { AppContext } from "./app-context.ts";
import { allReady } from "./batch.ts";
import { makeHandle, type Handle } from "./handle.ts";
import { newId } from "./id.ts";
import type { Job } from "./job.ts";
import { around } from "./middleware.ts";
import { checkSendOptions } from "./option-names.ts";
import type { EnqueueOptions, TaskSettings } from "./options.ts";
import { makeOutgoing } from "./outgoing.ts";
import type { Portable } from "./portable.ts";
import type { Sending } from "./scope.ts";
import { Signature, TaskWith, type StepOptions } from "./signature.ts";

/** What a worker runs. */
export type Handler<Payload, Result, Rows> = (payload: Payload, job: Job<Rows>) => Result | Promise<Result>;

/** The arguments of `enqueue`: the payload may be left out where undefined is one. */
type EnqueueArguments<Payload, Known> = undefined extends Payload
  ? [payload?: Portable<Payload, Known>, options?: EnqueueOptions]
  : [payload: Portable<Payload, Known>, options?: EnqueueOptions];

/** The arguments of `signature`, as those of `enqueue`. */
type SignatureArguments<Payload, Known> = undefined extends Payload
  ? [payload?: Portable<Payload, Known>, options?: StepOptions]
  : [payload: Portable<Payload, Known>, options?: StepOptions];

/**
 * A task. Made by `app.task`.
 *
 * `Payload` is what the handler gets, `Result` what it returns; `Known` are the instances of the app's value
 * classes, `Rows` its models' rows by name.
 */
export class Task<Payload = unknown, Result = unknown, Known = never, Rows = object> {
  /** What travels, and what no other task of the app is called. */
  readonly name: string;
  /** Its options, with the app's defaults filled in. */
  readonly settings: TaskSettings;
  #handler: Handler<Payload, Result, Rows> | undefined;
  readonly #context: AppContext;

  /** Made by `app.task` alone. */
  constructor(
    context: AppContext,
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
   * @throws PetioleError `ERR_OPTION_INVALID`, `ERR_ENGINE_UNSUPPORTED`, and what the engine throws when it cannot accept it
   */
  async enqueue(...[payload, options]: EnqueueArguments<Payload, Known>): Promise<Handle<Result>> {
    const what = `this payload to task "${this.name}"`;
    const [handle] = await this.#send([payload], options, () => "payload", what);
    return handle!;
  }

  /**
   * Sends the task once for each payload: all of them or none.
   *
   * @throws EncodeError that names every value that cannot travel in any of the payloads, and as `enqueue`
   */
  async enqueueMany(
    payloads: readonly Portable<Payload, Known>[],
    options?: EnqueueOptions,
  ): Promise<Handle<Result>[]> {
    checkLists({ payloads });
    if (payloads.length === 0) return [];
    return this.#send(
      payloads,
      options,
      (index) => `payloads[${index}]`,
      `these payloads to task "${this.name}"`,
    );
  }

  /**
   * This task with a payload, to be sent later: as a step of a chain that does not look at the result of the step before
   * it, or as a member of a group. The payload is checked and encoded when it is sent, with the errors of `enqueue`.
   *
   * @throws PetioleError `ERR_OPTION_INVALID` for a transaction among the options
   *
   * @example
   * const { results } = await app.group(thumbnail.signature({ width: 200 }), thumbnail.signature({ width: 800 })).enqueue();
   */
  signature(...[payload, options]: SignatureArguments<Payload, Known>): Signature<Result> {
    return new Signature(this, payload, options);
  }

  /**
   * This task with options, as a step of a chain: its payload is the result of the step before it.
   *
   * @throws PetioleError `ERR_OPTION_INVALID` for a transaction among the options
   *
   * @example
   * await app.chain(fetchPage, index.with({ queue: "slow", delay: "1m" })).enqueue({ url });
   */
  with(options: StepOptions): TaskWith<Portable<Payload, Known>, Result> {
    return new TaskWith(this, options);
  }

  /** A handle on one of this task that was enqueued before, by any process. */
  handle(id: string): Handle<Result> {
    return makeHandle(this.#context, this.name, id);
  }

  async #send(
    payloads: readonly unknown[],
    options: EnqueueOptions = {},
    rootOf: (index: number) => string,
    what: string,
  ): Promise<Handle<Result>[]> {
    checkSendOptions(`enqueue() of task ${this.name}`, options);
    const { transactions, middleware } = this.#context;
    const { transaction, headers } = options;
    const layers = middleware.flatMap((each) => (each.enqueue ? [each.enqueue.bind(each)] : []));
    const isSingle = payloads.length === 1;
    if (isSingle && layers.length === 0) {
      const payload = payloads[0];
      const send = { id: newId(), task: this.name, payload, headers: { ...headers }, root: rootOf(0), what };
      const outgoing = await makeOutgoing({ ...send, options }, this.settings, this.#context);
      const sent = await transactions.send([outgoing], transaction);
      return [makeHandle<Result>(this.#context, this.name, sent.ids[0]!, sent)];
    }
    let sending: Promise<Sending> | undefined;
    const parts = payloads.map(async (payload, index) => {
      const context = { id: newId(), task: this.name, payload, headers: { ...headers } };
      let part: Promise<Outgoing> | undefined;
      await around(layers, context, async () => {
        part = makeOutgoing({ ...context, options, root: rootOf(index), what }, this.settings, this.#context);
        const outgoing = await part;
        // One of several is sent with the others, once the middleware of all of them is done.
        if (isSingle) await (sending = transactions.send([outgoing], transaction));
      });
      // Not left to middleware, which may have swallowed its error.
      return part!;
    });
    const batch = await allReady(parts, what);
    const sent = await (sending ?? transactions.send(batch, transaction));
    return sent.ids.map((id) => makeHandle<Result>(this.#context, this.name, id, sent));
  }
}

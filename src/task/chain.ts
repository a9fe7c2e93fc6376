/** Chains: tasks one after the other, each given what the one before returned. @module */
import type { Outgoing } from "../engine.ts";
import type { Json } from "../message.ts";
import type { AppContext } from "./app-context.ts";
import { allReady } from "./batch.ts";
import { makeChainHandle, type ChainHandle, type KnownStep } from "./chain-handle.ts";
import type { ChainOptions } from "./chain-types.ts";
import { chainHeader, mostSteps, type FollowingStep } from "./following.ts";
import { newId } from "./id.ts";
import { refuseLackingSend } from "./lacking.ts";
import { checkHeaders } from "./middleware.ts";
import { optionError, priorityOf, queueName, runAtOf } from "./options.ts";
import { encodedPayload, lifetimeOf, makeOutgoing } from "./outgoing.ts";
import { prepared } from "./prepared.ts";
import type { Sending } from "./scope.ts";
import { checkWholeOptions, stepOf, type Step } from "./steps.ts";

/** A chain that is ready to be sent. */
export interface ReadyChain {
  /** Its first step, which carries the others. */
  readonly outgoing: Outgoing;
  readonly handle: (sending: Sending) => ChainHandle<readonly unknown[]>;
}

/** For `group.ts`: whether a chain is of an app. */
export const isOf: unique symbol = Symbol("petiole.isOf");

/** For `group.ts`: makes a chain ready. */
export const readyChain: unique symbol = Symbol("petiole.readyChain");

/**
 * Tasks that run one after the other, each with the result of the one before as its payload. Made by `app.chain`.
 *
 * `Arguments` are those of `enqueue`, `Results` what the steps' handlers return.
 */
export class Chain<
  Arguments extends readonly unknown[] = never,
  Results extends readonly unknown[] = readonly unknown[],
> {
  readonly #context: AppContext;
  readonly #steps: readonly Step[];

  /**
   * Made by `app.chain` alone.
   *
   * @throws PetioleError `ERR_OPTION_INVALID`
   */
  constructor(context: AppContext, steps: readonly unknown[]) {
    this.#context = context;
    if (steps.length === 0 || steps.length > mostSteps)
      throw optionError("A chain", `have 1 to ${mostSteps} steps`, steps.length);
    this.#steps = steps.map((each, index) => checkedStep(each, `steps[${index}] of a chain`, context));
  }

  /**
   * Sends the first step, which carries the others. Resolves when the engine has accepted it, or, inside
   * `app.transaction`, at once.
   *
   * @throws EncodeError when something in the payloads cannot travel: each place, `payload.at` or `steps[1].payload.at`
   * @throws PetioleError as `task.enqueue`; `ERR_OPTION_INVALID` when what follows the first step is too large
   */
  async enqueue(...given: Arguments): Promise<ChainHandle<Results>> {
    const [payload, options = {}] = (this.#steps[0]!.given ? [undefined, given[0]] : given) as readonly [
      unknown?,
      ChainOptions?,
    ];
    checkWholeOptions("a chain", options, { delay: true, runAt: true, headers: true, transaction: true });
    const { outgoing, handle } = await this[readyChain](options, "", { payload });
    const sent = await this.#context.transactions.send([outgoing], options.transaction);
    return handle(sent) as ChainHandle<Results>;
  }

  /**
   * A handle on one of this chain that was enqueued before, by any process.
   *
   * @param ids - the `ids` of the handle that `enqueue` gave
   * @throws PetioleError `ERR_OPTION_INVALID` unless there is an id for each step
   */
  handle(ids: readonly string[]): ChainHandle<Results> {
    const steps = this.#steps;
    const isRight =
      Array.isArray(ids) && ids.length === steps.length && ids.every((id) => typeof id === "string");
    if (!isRight)
      throw optionError("handle() of a chain", `be given the ids of its ${steps.length} steps`, ids);
    return makeChainHandle<Results>(this.#context, knownSteps(steps, ids));
  }

  /** For `group.ts`: whether it is of this app. */
  [isOf](context: AppContext): boolean {
    return this.#context === context;
  }

  /**
   * For a group that it is a member of.
   *
   * @param where - how errors speak of it, before `steps[1].payload`
   * @param first - the payload of the first step, where that has none of its own
   */
  async [readyChain](
    options: ChainOptions,
    where: string,
    first: { readonly payload: unknown } = { payload: undefined },
  ): Promise<ReadyChain> {
    const steps = this.#steps;
    const ids = steps.map(() => newId());
    const parts: Promise<Outgoing | FollowingStep>[] = steps.map((step, index) => {
      const id = ids[index]!;
      const root = index === 0 && !step.given ? "payload" : `${where}steps[${index}].payload`;
      const what = `this payload to task "${step.task.name}" in a chain`;
      return index === 0
        ? firstStep({ id, step, root, what }, first.payload, options, this.#context)
        : laterStep({ id, step, root, what }, options, this.#context);
    });
    const [begin, ...following] = (await allReady(parts, "this chain")) as [Outgoing, ...FollowingStep[]];
    const { message } = begin;
    const headers = { ...message.headers, ...chainHeader(following) };
    return {
      outgoing: { ...begin, message: { ...message, headers } },
      handle: (sending) => makeChainHandle(this.#context, knownSteps(steps, ids), sending),
    };
  }
}

function checkedStep(value: unknown, where: string, context: AppContext): Step {
  const step = stepOf(value, where, context);
  const must =
    "be a task, task.with(options) or task.signature(payload) (a group cannot be one: enqueue it in a step's handler, or " +
    "use chord() of petiole/engine/celery where the engine is Celery's)";
  if (!step) throw optionError(where, must, value);
  if (step.task.settings.unique === undefined && step.options.unique === undefined) return step;
  throw optionError(
    where,
    "have no `unique`: a step that gives way to another task would end its chain (enqueue the task in a step's handler)",
    `one of task ${step.task.name}`,
  );
}

function knownSteps(steps: readonly Step[], ids: readonly string[]): KnownStep[] {
  return steps.map(({ task, options }, index) => ({
    id: ids[index]!,
    task: task.name,
    queue: options.queue ?? task.settings.queue,
  }));
}

interface Placed {
  readonly id: string;
  readonly step: Step;
  readonly root: string;
  readonly what: string;
}

function firstStep(
  { id, step, root, what }: Placed,
  first: unknown,
  { delay, runAt, headers, transaction }: ChainOptions,
  context: AppContext,
): Promise<Outgoing> {
  const { task, given } = step;
  const { delay: ownDelay, runAt: ownRunAt, ...own } = step.options;
  const isTimed = delay !== undefined || runAt !== undefined;
  const options = {
    ...own,
    ...defined(isTimed ? { delay, runAt } : { delay: ownDelay, runAt: ownRunAt }),
    ...defined({ transaction }),
  };
  const payload = given ? given.payload : first;
  const send = { id, task: task.name, payload, headers: { ...headers, ...own.headers } };
  return prepared(send, context, (each) =>
    makeOutgoing({ ...each, options, root, what }, task.settings, context),
  );
}

async function laterStep(
  { id, step, root, what }: Placed,
  { headers, transaction }: ChainOptions,
  context: AppContext,
): Promise<FollowingStep> {
  const { task, given } = step;
  const { name, settings } = task;
  const options = { ...step.options, ...defined({ transaction }) };
  const priority =
    options.priority === undefined ? settings.priority : priorityOf(options.priority, "priority");
  refuseLackingSend({ priority }, what, context.engine);
  const at = runAtOf(options, 0);
  const common = {
    id,
    task: name,
    queue: options.queue === undefined ? settings.queue : queueName(options.queue),
    ...(priority === 0 ? {} : { priority }),
    ...(settings.limit ? { lane: true as const } : {}),
    ...(options.runAt === undefined ? (at === 0 ? {} : { delay: at }) : { runAt: at }),
    ...lifetimeOf(options, settings),
    ...(settings.version > 1 ? { version: settings.version } : {}),
  };
  const beside: Record<string, Json> = { ...headers, ...options.headers };
  if (!given) {
    checkHeaders(beside);
    const { version, aliases } = settings;
    return { ...common, ...(version > 1 && aliases.length > 0 ? { aliases } : {}), ...headersIn(beside) };
  }
  const send = { id, task: name, payload: given.payload, headers: beside };
  return prepared(send, context, async (each) => {
    checkHeaders(each.headers);
    const { text, types } = await encodedPayload({ ...each, options, root, what }, settings, context);
    const payload = { text, ...(types.length > 0 ? { types } : {}) };
    return { ...common, ...headersIn(each.headers), payload };
  });
}

function headersIn(headers: Readonly<Record<string, Json>>): Pick<FollowingStep, "headers"> {
  return Object.keys(headers).length > 0 ? { headers } : {};
}

/** Without what is undefined. */
function defined<Type extends object>(
  options: Type,
): { [Name in keyof Type]?: Exclude<Type[Name], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never;
}

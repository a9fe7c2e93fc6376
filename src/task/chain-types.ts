/**
 * What may follow what, as the compiler sees it: each step of a chain takes what the one before returns.
 *
 * @module
 */
import type { Duration } from "./duration.ts";
import type { EnqueueOptions } from "./options.ts";
import type { Portable } from "./portable.ts";
import type { Signature, TaskWith } from "./signature.ts";
import type { Task } from "./task.ts";

declare const advice: unique symbol;
declare const beginning: unique symbol;

/** Nothing is assignable to this: the text says what to do instead. */
export interface Unusable<Advice extends string> {
  readonly [advice]: Advice;
}

/** Options of a chain as a whole; those of one step are given with `task.with` and `task.signature`. */
export interface ChainOptions {
  /** The first step runs not before this long from now. */
  readonly delay?: Duration;
  /** The first step runs not before this time. */
  readonly runAt?: Date;
  /** What travels beside the payload of each step; a step's own take their place under the same name. */
  readonly headers?: NonNullable<EnqueueOptions["headers"]>;
  /** As {@link EnqueueOptions.transaction}: the first step is sent when it commits. */
  readonly transaction?: object;
}

/** What a step's handler returns. */
type ReturnedBy<Step> =
  Step extends Task<infer _Payload, infer Result, infer _Known, infer _Rows>
    ? Result
    : Step extends Signature<infer Result>
      ? Result
      : Step extends TaskWith<infer _Taken, infer Result>
        ? Result
        : never;

/** What a step takes: what may be sent to its task. Nothing is asked of a signature, which has its payload. */
type TakenBy<Step> =
  Step extends Task<infer Payload, infer _Result, infer Known, infer _Rows>
    ? Portable<Payload, Known>
    : Step extends Signature
      ? unknown
      : Step extends TaskWith<infer Taken, infer _Result>
        ? Taken
        : never;

/** What arrives of what a handler returns: of nothing, undefined. */
type Passed<Result> = [Result] extends [void] ? undefined : Result;

/** The steps, with advice in the place of each that cannot follow the one before it. */
export type CheckedSteps<
  Steps extends readonly unknown[],
  Before = Beginning,
> = number extends Steps["length"]
  ? readonly CheckedStep<Steps[number], ReturnedBy<Steps[number]>>[]
  : Steps extends readonly [infer Step, ...infer Rest]
    ? readonly [CheckedStep<Step, Before>, ...CheckedSteps<Rest, ReturnedBy<Step>>]
    : readonly [];

/** Before the first step, after which anything may stand. */
interface Beginning {
  readonly [beginning]: true;
}

type CheckedStep<Step, Before> =
  IsStep<Step> extends true
    ? [Before] extends [Beginning]
      ? Step
      : [Passed<Before>] extends [TakenBy<Step>]
        ? Step
        : Unusable<"this step does not take what the step before it returns (or that cannot travel): put a step between them that makes one of the other, or give it a payload of its own, task.signature(payload)">
    : [Step] extends [{ readonly members: unknown }]
      ? Unusable<"a group cannot be a step of a chain: enqueue it in a step's handler, or use chord() of petiole/engine/celery where the engine is Celery's">
      : Unusable<"a step of a chain is a task, task.with(options) or task.signature(payload)">;

type IsStep<Step> =
  Step extends Task<infer _Payload, infer _Result, infer _Known, infer _Rows>
    ? true
    : Step extends Signature | TaskWith
      ? true
      : false;

/** What the steps' handlers return, in their order. */
export type ResultsOf<Steps extends readonly unknown[]> = {
  readonly [Step in keyof Steps]: ReturnedBy<Steps[Step]>;
};

/** The arguments of a chain's `enqueue`: the payload of the first step, unless that has its own. */
export type ChainArguments<First> =
  First extends Task<infer Payload, infer _Result, infer Known, infer _Rows>
    ? Given<Payload, Portable<Payload, Known>>
    : First extends Signature
      ? [options?: ChainOptions]
      : First extends TaskWith<infer Taken, infer _Result>
        ? Given<Taken, Taken>
        : never;

/** The payload may be left out where undefined is one. */
type Given<Payload, Taken> = undefined extends Payload
  ? [payload?: Taken, options?: ChainOptions]
  : [payload: Taken, options?: ChainOptions];

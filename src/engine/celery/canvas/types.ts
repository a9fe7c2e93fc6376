/**
 * What may follow what in a canvas, as the compiler sees it.
 *
 * @module
 */
import type { Json } from "../../../message.ts";
import type { Unusable } from "../../../task/chain-types.ts";
import type { Portable } from "../../../task/portable.ts";
import type { Signature, TaskWith } from "../../../task/signature.ts";
import type { Task } from "../../../task/task.ts";
import type { Canvas } from "./canvas.ts";

declare const nothing: unique symbol;

/** What has all that it is given: its own payload, or arguments. It may follow anything. */
export interface Nothing {
  readonly [nothing]: true;
}

/**
 * A task by its name alone, as another language knows it. Its own arguments come after the result of what is before it,
 * unless it is immutable.
 */
export interface NamedTask<Result = unknown> {
  /** Its name, as its worker knows it. */
  readonly task: string;
  /** Its positional arguments: what Python's decoder knows. */
  readonly args?: readonly unknown[];
  /** Its arguments by name. */
  readonly kwargs?: Readonly<Record<string, unknown>>;
  /** It does not get the result of what is before it. */
  readonly immutable?: boolean;
  /** Celery's own routes decide unless told; between TypeScript's workers the engine's option `tasks`, else `celery`. */
  readonly queue?: string;
  /** For the compiler alone: what it returns. */
  readonly result?: Result;
}

/** What a task of a canvas is. */
export type GivesOf<Element> =
  Element extends Canvas<infer _Takes, infer Gives>
    ? Gives
    : Element extends Task<infer _Payload, infer Result, infer _Known, infer _Rows>
      ? Arrived<Result>
      : Element extends Signature<infer Result>
        ? Arrived<Result>
        : Element extends TaskWith<infer _Taken, infer Result>
          ? Arrived<Result>
          : Element extends NamedTask<infer Result>
            ? Result
            : never;

/** What it is given: the payload, or the result of what is before it. */
export type TakesOf<Element> =
  Element extends Canvas<infer Takes, infer _Gives>
    ? Takes
    : Element extends Task<infer Payload, infer _Result, infer Known, infer _Rows>
      ? Portable<Payload, Known>
      : Element extends Signature
        ? Nothing
        : Element extends TaskWith<infer Taken, infer _Result>
          ? Taken
          : Element extends NamedTask
            ? Nothing
            : never;

/** What arrives of what a handler returns: of nothing, undefined. */
type Arrived<Result> = [Result] extends [void] ? undefined : Result;

/** Whether it takes nothing. What takes `never` can be given nothing at all. */
export type TakesNothing<Takes> = [Takes] extends [never] ? false : [Takes] extends [Nothing] ? true : false;

/** Whether what is given is what is taken. Of what is not known, a task by its name, the compiler knows nothing. */
type Fits<Given, Takes> = [Takes] extends [never]
  ? false
  : TakesNothing<Takes> extends true
    ? true
    : unknown extends Given
      ? true
      : [Given] extends [Takes]
        ? true
        : false;

/** The one, or advice where it is nothing that a canvas is made of. */
export type CheckedElement<Element> =
  Element extends Canvas<infer _Takes, infer _Gives>
    ? Element
    : Element extends Task<infer _Payload, infer _Result, infer _Known, infer _Rows>
      ? Element
      : Element extends Signature | TaskWith<infer _Taken, infer _Given> | NamedTask
        ? Element
        : Unusable<"it must be a task, task.with(options), task.signature(payload), { task: name }, or another canvas">;

/** The elements, with advice in the place of each that is none. */
export type CheckedElements<Elements extends readonly unknown[]> = {
  readonly [Index in keyof Elements]: CheckedElement<Elements[Index]>;
};

/** The steps, with advice in the place of each that cannot follow the one before it. */
export type CheckedChain<Steps extends readonly unknown[]> = Steps extends readonly [
  infer First,
  ...infer Rest,
]
  ? readonly [CheckedElement<First>, ...CheckedRest<Rest, GivenOn<First>>]
  : Steps;

type CheckedRest<Steps extends readonly unknown[], Before> = Steps extends readonly [
  infer Step,
  ...infer Rest,
]
  ? readonly [CheckedAfter<Step, Before>, ...CheckedRest<Rest, GivenOn<Step>>]
  : readonly [];

/** The one, or advice where it cannot follow. */
export type CheckedAfter<Element, Before> =
  Fits<Before, TakesOf<Element>> extends true
    ? Element
    : Unusable<"it does not take what is given to it: what the step before it returns, of a group a list of that, or, as a linkError, the id of the task that failed">;

/** What the last of them gives. */
export type LastGives<Steps extends readonly unknown[]> = Steps extends readonly [
  ...infer _Others,
  infer Last,
]
  ? GivesOf<Last>
  : unknown;

/** What the first of them takes. */
export type FirstTakes<Steps extends readonly unknown[]> = Steps extends readonly [
  infer First,
  ...infer _Rest,
]
  ? TakesOf<First>
  : Nothing;

/** What all of them take: nothing where each has its own. */
export type AllTake<Members extends readonly unknown[]> = [Members[number]] extends [never]
  ? Nothing
  : TakesNothing<TakesOf<Members[number]>> extends true
    ? Nothing
    : (
          Members[number] extends infer Member
            ? Member extends unknown
              ? TakesNothing<TakesOf<Member>> extends true
                ? never
                : (taken: TakesOf<Member>) => void
              : never
            : never
        ) extends (taken: infer Takes) => void
      ? Takes
      : never;

/** What each of them gives. */
export type AllGive<Members extends readonly unknown[]> = {
  -readonly [Member in keyof Members]: GivesOf<Members[Member]>;
};

/** What a group gives to a chord that it is in the header of, or the header of: its results among the others. */
export type FlatOf<Element> =
  Element extends Canvas<infer _Takes, infer _Gives, infer Flat>
    ? Flat extends readonly unknown[]
      ? Flat
      : unknown
    : unknown;

/** What it gives to what follows it in a chain. */
type GivenOn<Element> = FlatOf<Element> extends readonly unknown[] ? FlatOf<Element> : GivesOf<Element>;

/** What the tasks of a chord's header give: those of a group in it each in its place. */
export type HeaderGives<Members extends readonly unknown[]> = number extends Members["length"]
  ? OneInHeader<Members[number]>[]
  : Members extends readonly [infer First, ...infer Rest]
    ? [...(FlatOf<First> extends readonly unknown[] ? FlatOf<First> : [GivesOf<First>]), ...HeaderGives<Rest>]
    : [];

type OneInHeader<Element> = Element extends unknown
  ? FlatOf<Element> extends readonly unknown[]
    ? FlatOf<Element>[number]
    : GivesOf<Element>
  : never;

/** Stamps: names and values that each task of a canvas carries, and Celery shows and can revoke by. */
export type Stamps = Readonly<Record<string, Json>>;

/** Options of a canvas as a whole; those of one task are given with `task.with` and `task.signature`. */
export interface CanvasOptions {
  /** What travels beside the payload of each task; a task's own take their place under the same name. */
  readonly headers?: Readonly<Record<string, Json>>;
  /** The handle of a transaction: it is sent when that commits. */
  readonly transaction?: object;
}

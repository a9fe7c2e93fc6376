/**
 * What may be sent where a handler expects a type, as the compiler sees it. What it cannot see (an instance
 * of an unknown class without methods, say) the wire refuses when it is sent.
 *
 * @module
 */
import type { OrmAdapter } from "../model/adapter.ts";
import type { Foreign } from "../wire/foreign.ts";
import type { Lazy } from "../wire/lazy.ts";
import type { Reference } from "../wire/reference.ts";
import type { Snapshot } from "../wire/snapshot.ts";
import type { ValueClassLike, ValueEntry, ValueType } from "../wire/value-type.ts";

declare const advice: unique symbol;

/** Nothing is assignable to this: the text says what to do instead. */
export interface Unportable<Advice extends string> {
  readonly [advice]: Advice;
}

/**
 * What `enqueue` takes where the handler wants a `Type`: the same, with a reference allowed wherever the
 * handler wants a row. `Known` are the instances of the app's value classes.
 */
export type Portable<Type, Known = never> = unknown extends Type
  ? Type
  : [AnyJson] extends [Type]
    ? Type | Reference
    : Each<Type, Known> | ReferenceTo<RowIn<Type>, Extract<Type, null>>;

/** Whatever JSON may hold. A type that takes all of it needs no looking into, and could not be: it has no end. */
type AnyJson = string | number | boolean | null | AnyJson[] | { [key: string]: AnyJson };

/** The members of a union one by one. */
type Each<Type, Known> = Type extends Known
  ? Type
  : Type extends Data
    ? Type
    : Type extends symbol
      ? Unportable<"symbols never travel: send a string">
      : Type extends (...parameters: never) => unknown
        ? Unportable<"functions never travel: send the data they need; for a class with methods, add the class to the app's `values`, or send ref(…) to its row">
        : Type extends PromiseLike<unknown>
          ? Unportable<"a Promise does not travel: await it first">
          : Type extends ReadonlyMap<infer Key, infer Value>
            ? ReadonlyMap<Portable<Key, Known>, Portable<Value, Known>>
            : Type extends ReadonlySet<infer Item>
              ? ReadonlySet<Portable<Item, Known>>
              : { readonly [Property in keyof Type]: Portable<Type[Property], Known> };

/** What travels as it is. */
type Data =
  | string
  | number
  | boolean
  | bigint
  | null
  | undefined
  | Date
  | RegExp
  | ArrayBuffer
  | ArrayBufferView
  | Error
  | InstanceIn<typeof globalThis, "URL" | "URLSearchParams" | "Headers">
  | (typeof globalThis extends { readonly Temporal: infer Temporal }
      ? InstanceIn<Temporal, keyof Temporal>
      : never)
  | Foreign
  | Reference<object | null>
  | Lazy
  | Snapshot;

/** The instances of the classes with these names, of those that the program's types have: a browser's, Node's, or none. */
type InstanceIn<Place, Name extends PropertyKey> = Name extends unknown
  ? Place extends { readonly [Each in Name]: { readonly prototype: infer Instance } }
    ? unknown extends Instance
      ? never
      : Instance
    : never
  : never;

/** What cannot be a row. */
type NoRow =
  | Data
  | symbol
  | ((...parameters: never) => unknown)
  | PromiseLike<unknown>
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>
  | readonly unknown[];

/** The members of a union that may be rows. */
type RowIn<Type> = Type extends NoRow ? never : Type;

/**
 * One reference for the whole union: it may be known to be to one of them, or not. Where null is admitted in the row's
 * place, so is a reference that says so.
 */
type ReferenceTo<Row, Null extends null> = [Row] extends [never]
  ? never
  : [Row] extends [object]
    ? Reference<Row | Null>
    : never;

/** A payload as it is sent: {@link Portable}, but for a reference in place of the payload as a whole. */
export type Sent<Payload, Known = never> = Exclude<Portable<Payload, Known>, Reference<object | null>>;

/** The instances of the value classes in `values`. */
export type InstancesOf<Values extends readonly ValueEntry[]> = Values[number] extends infer Entry
  ? Entry extends ValueClassLike<infer Instance>
    ? Entry extends abstract new (...parameters: never) => infer Whole
      ? Whole
      : Instance
    : Entry extends ValueType<infer Instance>
      ? Instance
      : never
  : never;

/** What may be sent as it is beside data: instances of the value classes, and rows that know their model. */
export type KnownOf<Values extends readonly ValueEntry[], Models extends readonly OrmAdapter[]> =
  | InstancesOf<Values>
  | RecognisedOf<Models[number]>;

type RecognisedOf<Adapter> = Adapter extends { readonly recognised?: infer Row }
  ? unknown extends Row
    ? never
    : Exclude<Row, undefined>
  : never;

/** From model name to row type, for all of `models`. */
export type RowsOf<Models extends readonly OrmAdapter[]> = [Models[number]] extends [never]
  ? object
  : Intersection<
      Models[number] extends infer Adapter ? (Adapter extends OrmAdapter<infer Rows> ? Rows : never) : never
    >;

type Intersection<Union> = (Union extends unknown ? (each: Union) => void : never) extends (
  all: infer All,
) => void
  ? All
  : never;

/** The names of the models whose rows may be a `Row`. */
export type ModelNamesOf<Rows, Row> = {
  [Name in keyof Rows & string]: Rows[Name] extends Row ? Name : Row extends Rows[Name] ? Name : never;
}[keyof Rows & string];

/**
 * Whether null may take the place of every row in a payload: there is a row in it, and its type admits null
 * wherever there is.
 */
export type RowsAdmitNull<Payload, Rows> =
  false extends NullAt<Payload, Rows[keyof Rows]>
    ? false
    : true extends NullAt<Payload, Rows[keyof Rows]>
      ? true
      : false;

/** For each place of a row, whether it admits null. */
type NullAt<Type, Row> = unknown extends Type
  ? never
  : [Extract<Type, Row>] extends [never]
    ? Type extends Data
      ? never
      : Type extends object
        ? { [Property in keyof Type]-?: NullAt<Type[Property], Row> }[keyof Type]
        : never
    : null extends Type
      ? true
      : false;

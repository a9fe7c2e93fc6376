/** What a row of the table of kinds is. @module */

/** One kind of value, and what becomes of it. */
export interface Kind {
  /** In the words of the table in docs/wire.md. */
  readonly name: string;
  /** Makes one, new each time. */
  readonly make: () => unknown;
  /**
   * `same`: what arrives cannot be told from what was sent. `data`: it arrives as {@link arrives} says, because what is
   * lost is no data. `refused`: with {@link kind}, at {@link path}.
   */
  readonly fate: "same" | "data" | "refused";
  /** Of `data`: what it arrives as, made from what was sent. */
  readonly arrives?: (sent: never) => unknown;
  /** Of `refused`: what the error calls it. */
  readonly kind?: RegExp;
  /** Of `refused`: the way from the value to what cannot travel; empty unless told, `…` for anywhere inside. */
  readonly path?: string;
  /** Too large to be tried in every place. */
  readonly large?: boolean;
  /** Not to be tried where one value is in two places: then its fate is another. */
  readonly once?: boolean;
  /** Why this runtime cannot make one. */
  readonly missing?: string;
}

/** Kinds that belong together: a line of the table for each fate. */
export interface Group {
  readonly group: string;
  readonly kinds: readonly Kind[];
}

type More = Pick<Kind, "large" | "missing" | "once">;

/** A kind that comes back the same. */
export function same(name: string, make: () => unknown, more: More = {}): Kind {
  return { name, make, fate: "same", ...more };
}

/** A kind that arrives as its data. */
export function data<Sent>(
  name: string,
  make: () => Sent,
  arrives: (sent: Sent) => unknown,
  more: More = {},
): Kind {
  return { name, make, fate: "data", arrives, ...more };
}

/** A kind that is refused. */
export function refused(
  name: string,
  make: () => unknown,
  kind: RegExp,
  more: More & Pick<Kind, "path"> = {},
): Kind {
  return { name, make, fate: "refused", kind, ...more };
}

/** Something that not every runtime has, by the way to it from `globalThis`: `Temporal.PlainDate`. */
export function platform(name: string): unknown {
  let found: unknown = globalThis;
  for (const part of name.split(".")) found = (found as Record<string, unknown> | undefined)?.[part];
  return found;
}

/** The reason to skip a row where the runtime lacks something. */
export function needs(name: string): More {
  return platform(name) === undefined ? { missing: `this runtime has no ${name}` } : {};
}

/** `new name(...given)`, of a class that not every runtime or compiler has. */
export function make(name: string, ...given: unknown[]): object {
  return Reflect.construct(platform(name) as new (...given: unknown[]) => object, given);
}

/** Defines properties: enumerable, writable and configurable unless told. */
export function define<Value extends object>(
  of: Value,
  properties: Readonly<Record<PropertyKey, PropertyDescriptor>>,
): Value {
  for (const key of Reflect.ownKeys(properties)) {
    const how = properties[key as string]!;
    const usual = how.get || how.set ? {} : { writable: true };
    Object.defineProperty(of, key, { enumerable: true, configurable: true, ...usual, ...how });
  }
  return of;
}

/** Gives a value another prototype. */
export function dressed(value: object, prototype: object | null): object {
  return Object.setPrototypeOf(value, prototype) as object;
}

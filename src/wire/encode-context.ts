/** What encoding needs to know. @module */
import type { Dialect } from "./dialect.ts";
import type { Limits } from "./limits.ts";
import type { Key, Reference } from "./reference.ts";
import type { ValueTags } from "./value-type.ts";

/** What the wire knows of an app's models. An `OrmAdapter` is one. */
export interface WireModels {
  readonly connection?: string;
  readonly capabilities?: { readonly recognisesRows: unknown };
  readonly models: readonly { readonly name: string }[];
  /** The model of a row that knows its own. */
  modelOf?(row: object): string | undefined;
  keyOf?(model: string, row: object): Key | undefined;
}

/** What an encoder needs to know. */
export interface EncodeContext {
  readonly values: ValueTags;
  readonly models: readonly WireModels[];
  readonly modelNames: ReadonlySet<string>;
  readonly limits: Limits;
  readonly dialect: Dialect;
  /** Whether a plain object is a row that knows its model; undefined where no adapter can tell. */
  readonly isRow: ((value: object) => boolean) | undefined;
}

/** How errors speak of what is sent. */
export interface EncodeSubject {
  /** The first part of every path: `payload`. */
  readonly root: string;
  /** What cannot be sent: `this payload to task "posts.notify"`. */
  readonly what: string;
  /** What is sent for a reference, `row` being what it was made from where the wire made it; itself unless told. */
  readonly refer?: ((reference: Reference, row: object | undefined) => Reference) | undefined;
  /** It is the fields of a reference, written apart. */
  readonly isApart?: boolean;
}

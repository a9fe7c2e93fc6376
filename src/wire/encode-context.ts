/** What encoding needs to know. @module */
import type { Dialect } from "./dialect.ts";
import type { Limits } from "./limits.ts";
import type { Reference } from "./reference.ts";
import type { Registry } from "./registry.ts";

/** What an encoder needs to know. */
export interface EncodeContext {
  readonly registry: Registry;
  readonly limits: Limits;
  readonly dialect: Dialect;
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

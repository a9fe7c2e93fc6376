/**
 * Standard Schema, the part of it that is needed here.
 *
 * @see https://standardschema.dev
 * @module
 */
import { PetioleError, ValueError, describe, type FieldIssue } from "../errors.ts";

/** What zod, valibot, arktype and others have in common. */
export interface StandardSchemaLike<Input = unknown, Output = Input> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** Whether this is a Standard Schema. Some, arktype's, are functions. */
export function isSchema(value: unknown): value is StandardSchemaLike {
  return (
    ((typeof value === "object" && value !== null) || typeof value === "function") && "~standard" in value
  );
}

/**
 * What the schema makes of a value.
 *
 * @throws ValueError with all issues when it refuses
 * @throws PetioleError `ERR_VALUE_DEFINITION` when the schema is asynchronous: construction is not
 */
export function validate(schema: StandardSchemaLike, value: unknown, type: string): unknown {
  const result = schema["~standard"].validate(value);
  if (result instanceof Promise) {
    throw new PetioleError(
      "ERR_VALUE_DEFINITION",
      `The schema of ${type} is asynchronous; a value is checked while it is constructed, so its schema must not be.`,
    );
  }
  if (result.issues) throw new ValueError(type, issuesOf(result.issues));
  if (typeof result.value !== "object" || result.value === null) {
    throw new PetioleError(
      "ERR_VALUE_DEFINITION",
      `The schema of ${type} must give an object of fields, it gave ${describe(result.value)}.`,
    );
  }
  return result.value;
}

/** A schema's issues as ours. */
export function issuesOf(issues: readonly SchemaIssue[]): FieldIssue[] {
  return issues.map(({ message, path = [] }) => ({
    message,
    path: path.map((segment) => {
      const key = typeof segment === "object" ? segment.key : segment;
      return typeof key === "number" ? key : String(key);
    }),
  }));
}

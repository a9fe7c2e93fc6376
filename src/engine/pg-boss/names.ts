/**
 * What things are called in the database.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { PetioleError, describe } from "../../errors.ts";

/** The names of what an engine uses, to be put into SQL as they are. */
export interface Names {
  /** pg-boss's schema, quoted. */
  readonly boss: string;
  /** The schema beside it with what pg-boss has no column for, quoted. */
  readonly own: string;
  /** The same, not quoted. */
  readonly ownName: string;
  /** The channel on which engines tell each other. */
  readonly channel: string;
  /** The channel on which pg-boss tells its workers. */
  readonly bossChannel: string;
}

/**
 * The names that go with pg-boss's option `schema`, written as it is there.
 *
 * @throws PetioleError `ERR_OPTION_INVALID` when pg-boss would not take it either
 */
export function namesOf(schema: unknown): Names {
  if (typeof schema === "string") {
    const quoted = /^"([^"\0]+)"$/.exec(schema)?.[1];
    const name = quoted ?? (/^[A-Za-z_]\w*$/.test(schema) ? schema.toLowerCase() : undefined);
    if (name !== undefined && Buffer.byteLength(name) <= 55) {
      const ownName = `${name}_petiole`;
      // As pg-boss does it: a quoted name that needs no quotes is the same as without.
      const normalized = quoted !== undefined && /^[a-z_][a-z0-9_]*$/.test(quoted) ? quoted : schema;
      return {
        boss: `"${name}"`,
        own: `"${ownName}"`,
        ownName,
        channel: `petiole_${hash(name)}`,
        bossChannel: `pgboss_${hash(normalized)}`,
      };
    }
  }
  throw new PetioleError(
    "ERR_OPTION_INVALID",
    `pgBoss(): schema is the name of pg-boss's schema, as its own option has it, of at most 55 bytes; it got ${describe(schema)}.`,
  );
}

function hash(text: string): string {
  return createHash("sha224").update(text).digest("hex").slice(0, 24);
}

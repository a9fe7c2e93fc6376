/**
 * Which Redis it is.
 *
 * @module
 */
import { PetioleError } from "../../../errors.ts";
import type { Connection } from "./connection.ts";

/**
 * Waits for the server.
 *
 * @param warns whether to warn where it throws away, when it is full, what nobody has taken yet
 *
 * @throws PetioleError `ERR_ENGINE_UNSUPPORTED` when it is older than 6.2, which has no `BLMOVE`
 */
export async function refuseOld(connection: Connection, warns = false): Promise<void> {
  let about: string;
  try {
    about = String(await connection.call("opening", ["INFO"]));
  } catch (error) {
    // It is there, and does not tell everybody.
    if (error instanceof PetioleError && /NOPERM/.test(error.message)) return;
    throw error;
  }
  if (warns) warnOfEviction(about);
  const version = /^redis_version:(\d+)\.(\d+)/m.exec(about);
  if (version === null) return;
  const [major, minor] = [Number(version[1]), Number(version[2])];
  if (major > 6 || (major === 6 && minor >= 2)) return;
  throw new PetioleError(
    "ERR_ENGINE_UNSUPPORTED",
    `Celery engine: this Redis is ${major}.${minor}; the engine needs 6.2 or later.`,
  );
}

function warnOfEviction(about: string): void {
  const policy = /^maxmemory_policy:(allkeys-\S+)/m.exec(about)?.[1];
  if (policy === undefined || /^maxmemory:0\s*$/m.test(about)) return;
  process.emitWarning(
    `Redis has a maxmemory and the policy ${policy}: when it is full it removes keys, tasks among them. ` +
      'Set maxmemory-policy to "noeviction".',
    "PetioleWarning",
  );
}

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
 * @throws PetioleError `ERR_ENGINE_UNSUPPORTED` when it is older than 6.2, which has no `BLMOVE`
 */
export async function refuseOld(connection: Connection): Promise<void> {
  let about: string;
  try {
    about = String(await connection.call("opening", ["INFO", "server"]));
  } catch (error) {
    // It is there, and does not tell everybody.
    if (error instanceof PetioleError && /NOPERM/.test(error.message)) return;
    throw error;
  }
  const version = /^redis_version:(\d+)\.(\d+)/m.exec(about);
  if (version === null) return;
  const [major, minor] = [Number(version[1]), Number(version[2])];
  if (major > 6 || (major === 6 && minor >= 2)) return;
  throw new PetioleError(
    "ERR_ENGINE_UNSUPPORTED",
    `Celery engine: this Redis is ${major}.${minor}; the engine needs 6.2 or later.`,
  );
}

/**
 * Which versions of BullMQ the scripts hold for.
 *
 * @module
 */
import { PetioleError } from "../../errors.ts";
import type { Connection } from "./connection.ts";
import { fromText, toQueue } from "./names.ts";
import { scripts } from "./scripts.ts";

/** The major versions whose layout of keys the scripts keep to. */
const known: ReadonlySet<string> = new Set(["5", "6"]);

/**
 * Refuses queues that another version of BullMQ has opened: each writes its own into the queue's `meta`.
 *
 * @param queues unless told, all that the engine has sent to
 * @throws PetioleError `ERR_ENGINE_UNSUPPORTED`
 */
export async function refuseUnknownVersions(
  connection: Connection,
  queues: readonly string[],
): Promise<void> {
  const reply = (await connection.run(
    "looking at BullMQ's version",
    scripts.versions,
    queues.map(toQueue),
  )) as readonly string[];
  for (let index = 0; index < reply.length; index += 2) {
    const version = reply[index + 1] ?? "";
    const [, major] = /^bullmq:(\d+)\./.exec(version) ?? [];
    if (major === undefined || known.has(major)) continue;
    throw new PetioleError(
      "ERR_ENGINE_UNSUPPORTED",
      `BullMQ engine: the queue "${fromText(reply[index] ?? "")}" was opened by ${version}, and this version of Petiole ` +
        "knows the keys of BullMQ 5 and 6. Use one of these, or a newer Petiole.",
    );
  }
}

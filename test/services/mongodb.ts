/**
 * A MongoDB for a test: the replica set that `PETIOLE_TEST_MONGODB` names by its URL, of which the user may create
 * databases.
 */
import { randomUUID } from "node:crypto";
import { startMongodbStub } from "./mongodb-stub.ts";

const given = process.env["PETIOLE_TEST_MONGODB"];

/**
 * Why there is none; undefined where one was given. Its server is in no package registry and not in Debian, so that
 * `scripts/setup-services.sh` cannot install it: this one is skipped even where everything is to be tested.
 */
export const noMongodb =
  given === undefined
    ? "MongoDB's server is in no package registry: PETIOLE_TEST_MONGODB names a replica set by its URL"
    : undefined;

export interface Mongodb {
  /** Of an empty database. */
  readonly url: string;
  /** Makes it unreachable, where it is of the test's own. */
  readonly stop?: () => Promise<void>;
}

/** Another empty database of the one that was given. */
export function mongodbDatabase(): Mongodb {
  if (given === undefined) throw new Error(noMongodb);
  return { url: named(given) };
}

/** An empty database of a stand-in: see there for what it is not. */
export async function startStub(): Promise<Mongodb> {
  const { url, stop } = await startMongodbStub();
  return { url: named(url), stop };
}

function named(server: string): string {
  const url = new URL(server);
  url.pathname = `/petiole_${randomUUID().replaceAll("-", "")}`;
  return url.href;
}

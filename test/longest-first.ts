/**
 * The order of the files with tests: the longest first, so that at the end no core waits for one file. Where there are
 * results of an earlier run, vitest itself does so; in a fresh clone it goes by size, and the contract of an engine is a
 * small file.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Those that take half a minute and more. */
const longest: readonly string[] = [
  "src/engine/celery/rabbitmq.test.ts",
  "src/engine/pg-boss.test.ts",
  "test/bench.test.ts",
  "test/docs.test.ts",
  "src/testing/engine-contract/faults.test.ts",
  "test/wire/fuzz.test.ts",
  "test/celery/faults.test.ts",
  "src/orm/sequelize.test.ts",
  "src/engine/bullmq.test.ts",
  "src/testing/engine-contract.test.ts",
  "test/celery/pickle.test.ts",
  "test/celery/malformed.test.ts",
  "test/faults.test.ts",
  "src/engine/celery.test.ts",
  "src/orm/mikro-orm.test.ts",
  "src/engine/celery/engine.test.ts",
  "src/orm/kysely.test.ts",
];

/** See above. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const gone = longest.filter((path) => !existsSync(root + path));
    if (gone.length > 0)
      throw new Error(`test/longest-first.ts names files that are gone: ${gone.join(", ")}`);
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = longest.indexOf(relative(root, moduleId).replaceAll("\\", "/"));
      return at < 0 ? longest.length : at;
    };
    return (await super.sort(files)).toSorted((one, other) => rank(one) - rank(other));
  }
}

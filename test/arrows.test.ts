import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const house = mkdtempSync(join(tmpdir(), "petiole-house-"));
cpSync(join(root, ".oxlintrc.json"), join(house, ".oxlintrc.json"));

afterAll(() => rmSync(house, { recursive: true }));

/** What the lint rules say of a file that imports another. */
function lint(file: string, imported: string): string {
  const path = join(house, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `import { thing } from "${imported}";\nexport const other: unknown = thing;\n`);
  const { stdout, stderr } = spawnSync(join(root, "node_modules/.bin/oxlint"), [file], {
    cwd: house,
    encoding: "utf8",
  });
  rmSync(path);
  return stdout + stderr;
}

test.each([
  ["src/errors.ts", "./message.ts"],
  ["src/message.ts", "node:fs"],
  ["src/engine.ts", "./wire/index.ts"],
  ["src/wire/encode.ts", "../value/index.ts"],
  ["src/wire/encode.ts", "node:buffer"],
  ["src/wire/tags/date.ts", "../../model/ref.ts"],
  ["src/wire/tags/date.ts", "zod"],
  ["src/value/field.ts", "../model/ref.ts"],
  ["src/model/loader.ts", "../task/task.ts"],
  ["src/model/loader.ts", "drizzle-orm"],
  ["src/model/loader.ts", "node:fs"],
  ["src/task/worker.ts", "../engine/sqlite.ts"],
  ["src/task/worker.ts", "../cli/main.ts"],
  ["src/task/worker.ts", "hono"],
  ["src/engine/sqlite.ts", "./memory.ts"],
  ["src/engine/sqlite/schema.ts", "../memory.ts"],
  ["src/engine/shared/soon.ts", "../sqlite/store.ts"],
  ["src/engine/shared/soon.ts", "../bullmq.ts"],
  ["src/engine/shared/kept-payload/nesting.ts", "../../pg-boss/text.ts"],
  ["src/engine/memory.ts", "../wire/index.ts"],
  ["src/engine/memory.ts", "../task/id.ts"],
  ["src/engine/celery/claims.ts", "../../task/id.ts"],
  ["src/engine/celery/canvas/build.ts", "../../../cli/main.ts"],
  ["src/channels.ts", "./task/task.ts"],
  ["src/channels/layer.ts", "../task/task.ts"],
  ["src/channels/layer.ts", "../engine.ts"],
  ["src/orm/drizzle.ts", "../wire/reference.ts"],
  ["src/orm/drizzle.ts", "../engine.ts"],
  ["src/orm/drizzle/table.ts", "../../task/task.ts"],
  ["bench/wire/cases.ts", "../../src/wire/index.ts"],
  ["bench/wire/cases.ts", "../../dist/wire/index.js"],
])("%s may not import %s", (file, imported) => {
  expect(lint(file, imported)).toContain("no-restricted-imports");
});

test.each([
  ["src/engine.ts", "./message.ts"],
  ["src/wire/encode.ts", "./tags/date.ts"],
  ["src/wire/tags/date.ts", "../../errors.ts"],
  ["src/value/field.ts", "../wire/value-type.ts"],
  ["src/model/loader.ts", "../wire/reference.ts"],
  ["src/model/version.ts", "node:crypto"],
  ["src/task/worker.ts", "../engine.ts"],
  ["src/task/transaction.ts", "node:async_hooks"],
  ["src/engine/sqlite.ts", "./sqlite/schema.ts"],
  ["src/engine/sqlite/schema.ts", "../../engine.ts"],
  ["src/engine/sqlite/schema.ts", "../shared/text.ts"],
  ["src/engine/sqlite.ts", "./shared/opening.ts"],
  ["src/engine/celery/canvas/build.ts", "../../../task/task.ts"],
  ["src/channels.ts", "./channels/layer.ts"],
  ["src/channels/layer.ts", "../engine/shared/soon.ts"],
  ["src/channels/message/packing.ts", "@msgpack/msgpack"],
  ["src/engine/shared/milliseconds.ts", "../../errors.ts"],
  ["src/engine/shared/kept-payload.ts", "./kept-payload/nesting.ts"],
  ["src/orm/drizzle.ts", "../model/adapter.ts"],
  ["src/cli/work.ts", "../task/petiole.ts"],
  ["bench/wire/cases.ts", "petiole/wire"],
  ["bench/wire/compare.ts", "../measure.ts"],
])("%s may import %s", (file, imported) => {
  expect(lint(file, imported)).toContain("Found 0 warnings and 0 errors");
});

/** Ids and names, as they lie in the database. */
import { describe, expect, test } from "vitest";
import { pgBoss } from "../pg-boss.ts";
import { fromColumn } from "../shared/text.ts";
import { idColumn, jobId } from "./ids.ts";
import { namesOf } from "./names.ts";
import { fromQueue, toQueue } from "./queue-names.ts";

describe("pg-boss: ids", () => {
  test("a UUID is the job's id", () => {
    const id = "0198c0de-0000-7000-8000-000000000001";
    expect([jobId(id), idColumn(id)]).toEqual([id, null]);
  });

  test.each([
    "a",
    "",
    "\ud800",
    "0198C0DE-0000-7000-8000-000000000001",
    "{0198c0de-0000-7000-8000-000000000001}",
  ])("%j gets one of its own, always the same", (id) => {
    expect(jobId(id)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(jobId(id)).toBe(jobId(id));
    expect(fromColumn(idColumn(id)!)).toBe(id);
  });

  test("different ids have different jobs", () => {
    const ids = ["a", "b", "\ud800", "\udfff", "\ufffd", "\0", ""];
    expect(new Set(ids.map(jobId)).size).toBe(ids.length);
  });
});

describe("pg-boss: names of queues", () => {
  test.each([
    ["reports", "reports"],
    ["a.b-c/d_e", "a.b-c/d_e"],
    ["a..b", "a..b"],
    ["my queue", "my..0020queue"],
    ["", ".."],
    ["..", "..002e..002e"],
    ["a..0020b", "a..002e..002e0020b"],
    ["\ud800.x", "..d800..002ex"],
  ])("%j is %j", (name, queue) => {
    expect(toQueue(name)).toBe(queue);
    expect(fromQueue(queue)).toBe(name);
    expect(queue).toMatch(/^[\w.\-/]+$/);
  });
});

describe("pg-boss: names in the database", () => {
  test("follow pg-boss's schema, with its channel", () => {
    expect(namesOf("pgboss")).toMatchObject({ boss: '"pgboss"', own: '"pgboss_petiole"' });
    expect(namesOf("Jobs")).toMatchObject({ boss: '"jobs"', ownName: "jobs_petiole" });
    expect(namesOf('"My Jobs"')).toMatchObject({ boss: '"My Jobs"', own: '"My Jobs_petiole"' });
    expect(namesOf('"jobs"')).toEqual(namesOf("jobs"));
    expect(namesOf("a").channel).not.toBe(namesOf("b").channel);
  });

  test.each([1, "", "a b", "1a", '"', '"a"b"', "x'; drop", "x".repeat(56), null])(
    "%j is no schema",
    (schema) => {
      expect(() => namesOf(schema)).toThrow(expect.objectContaining({ code: "ERR_OPTION_INVALID" }));
    },
  );
});

describe("pg-boss: what pgBoss() takes", () => {
  const boss = { getDb: () => ({ executeSql: async () => ({ rows: [] }) }) };

  test.each([undefined, null, "postgres://", {}, { query() {} }, { query() {}, connect() {} }, { getDb: 1 }])(
    "%j is refused",
    (source) => {
      expect(() => pgBoss(source as never)).toThrow(
        expect.objectContaining({
          code: "ERR_OPTION_INVALID",
          message: expect.stringContaining("PgBoss instance"),
        }),
      );
    },
  );

  test.each([
    { retention: -1 },
    { retention: Number.NaN },
    { pollInterval: 0 },
    { pollInterval: 2 ** 31 },
    { maxSilence: 999 },
    { timeout: "1s" },
    { schema: "a b" },
    { scheme: "boss" },
  ])("%j is refused", (options) => {
    expect(() => pgBoss(boss, options as never)).toThrow(
      expect.objectContaining({ code: "ERR_OPTION_INVALID" }),
    );
  });

  test("the rest is taken", () => {
    expect(pgBoss(boss, { retention: Infinity, schema: "jobs" }).name).toBe("pg-boss");
  });
});

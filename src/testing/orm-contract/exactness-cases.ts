/** The contract's rules about values that JSON or a driver could change: through a snapshot and back. */
import assert from "node:assert/strict";
import type { OrmAdapter } from "../../model/adapter.ts";
import { Snapshot } from "../../wire/snapshot.ts";
import { storedRows } from "../../wire/stored-rows.ts";
import { createWire } from "../../wire/wire.ts";
import type { ContractRows, OrmContractCase, OrmContractHarness } from "./harness.ts";
import { needs } from "./needs.ts";
import { loadOne } from "./rows.ts";

type Sample = ContractRows["qa.Sample"];
type SampleColumn = Exclude<keyof Sample, "id">;

const empty: Sample = { id: 0, big: null, price: null, bytes: null, data: null, at: null };

/** Each with rows of a single value that is not null. */
const samples: readonly (readonly [what: string, column: SampleColumn, ...values: unknown[]])[] = [
  ["an integer of 64 bits", "big", 9007199254740993n, -(2n ** 63n), 7n],
  ["a decimal of 20 digits", "price", "1234567890123456.7891", "-0.0001"],
  ["binary data", "bytes", Uint8Array.from({ length: 256 }, (_, index) => index), new Uint8Array()],
  [
    "JSON",
    "data",
    { deep: [{ text: "ünï 日本 🌱 \\ \" '", none: null }, []], "": { number: -1.5, yes: true, empty: {} } },
  ],
  ["a JSON list", "data", [1, "two", null, { three: [3] }], []],
  ["a JSON text", "data", 'a "quote"', ""],
  ["a JSON text that reads as JSON", "data", "7", '{"a": 1}'],
  ["a time with milliseconds", "at", new Date("2026-03-29T01:30:00.089Z"), new Date(-1)],
];

export const exactnessCases: readonly OrmContractCase[] = [
  ...samples.flatMap(([what, column, ...values]): readonly OrmContractCase[] => {
    const rows = values.map((value, index) => ({ ...empty, id: index + 1, [column]: value }));
    return [
      {
        name: `${what} is exact as it is loaded, and as it is inserted`,
        async run(harness) {
          const inserted = await harness.insert(harness.handle, "qa.Sample", rows);
          assert.equal(inserted.length, rows.length);
          for (const [index, row] of rows.entries()) {
            const told = harness.adapter.fieldsOf("qa.Sample", inserted[index] ?? {});
            assert.deepEqual(comparable(told), comparable(row));
            const loaded = await loadOne(harness, "qa.Sample", row.id);
            assert.deepEqual(comparable(harness.adapter.fieldsOf("qa.Sample", loaded)), comparable(row));
          }
        },
      },
      {
        name: `${what} is exact through a snapshot and back`,
        async run(harness) {
          await harness.insert(harness.handle, "qa.Sample", rows);
          for (const row of rows) await copyBySnapshot(harness, row);
        },
      },
      {
        name: `${what} is in the database as it was, after a snapshot was saved`,
        skip: needsColumns,
        async run(harness) {
          await harness.insert(harness.handle, "qa.Sample", rows);
          for (const row of rows) {
            const ids = await copyBySnapshot(harness, row);
            const original = await storedTexts(harness.adapter, row.id);
            for (const id of ids) assert.deepEqual(await storedTexts(harness.adapter, id), original);
          }
        },
      },
    ];
  }),
  {
    name: "a row of nulls is exact through a snapshot and back",
    async run(harness) {
      await harness.insert(harness.handle, "qa.Sample", [{ ...empty, id: 1 }]);
      const loaded = await loadOne(harness, "qa.Sample", 1);
      assert.deepEqual(harness.adapter.fieldsOf("qa.Sample", loaded), { ...empty, id: 1 });
      await copyBySnapshot(harness, { ...empty, id: 1 });
    },
  },
  {
    name: "a row of nulls is in the database as it was, after a snapshot was saved",
    skip: needsColumns,
    async run(harness) {
      await harness.insert(harness.handle, "qa.Sample", [{ ...empty, id: 1 }]);
      for (const id of await copyBySnapshot(harness, { ...empty, id: 1 }))
        assert.deepEqual(await storedTexts(harness.adapter, id), await storedTexts(harness.adapter, 1));
    },
  },
  {
    name: "save takes values of every kind for a row that is there",
    async run(harness) {
      const { adapter, handle, insert } = harness;
      const whole = Object.fromEntries(samples.toReversed().map(([, column, value]) => [column, value]));
      await insert(handle, "qa.Sample", [
        { ...empty, ...whole, id: 1 },
        { ...empty, id: 2 },
      ]);
      const fields = adapter.fieldsOf("qa.Sample", await loadOne(harness, "qa.Sample", 1));
      await adapter.save("qa.Sample", { ...fields, id: 2 });
      const saved = adapter.fieldsOf("qa.Sample", await loadOne(harness, "qa.Sample", 2));
      assert.deepEqual(comparable(saved), comparable({ ...whole, id: 2 }));

      await adapter.save("qa.Sample", { ...empty, id: 2 });
      const emptied = adapter.fieldsOf("qa.Sample", await loadOne(harness, "qa.Sample", 2));
      assert.deepEqual(emptied, { ...empty, id: 2 });
    },
  },
];

/** Sends a row as text, and saves what arrives under two other keys: as it is, and as a row in memory. */
async function copyBySnapshot(harness: OrmContractHarness, row: Sample): Promise<readonly number[]> {
  const { adapter } = harness;
  const sent = adapter.fieldsOf("qa.Sample", await loadOne(harness, "qa.Sample", row.id));
  const wire = createWire({ values: [storedRows()] });
  const arrived = wire.decode(wire.encode(new Snapshot("qa.Sample", row.id, sent)));
  assert.ok(arrived instanceof Snapshot);
  const made = adapter.entityOf("qa.Sample", { ...arrived.fields, id: row.id + 200 });
  assert.deepEqual(comparable(adapter.fieldsOf("qa.Sample", made)), comparable({ ...row, id: row.id + 200 }));
  await adapter.save("qa.Sample", { ...arrived.fields, id: row.id + 100 });
  await adapter.save("qa.Sample", adapter.fieldsOf("qa.Sample", made));

  const ids = [row.id + 100, row.id + 200];
  for (const id of ids) {
    const copy = adapter.fieldsOf("qa.Sample", await loadOne(harness, "qa.Sample", id));
    assert.deepEqual(comparable(copy), comparable({ ...row, id }));
  }
  return ids;
}

/** The values as texts, for ORMs have classes of their own for some; no text for a value that lost something. */
function comparable(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { id, big, price, bytes, data, at, ...others } = fields;
  assert.ok(typeof big !== "number" || Number.isSafeInteger(big), `big has become the number ${String(big)}`);
  if (bytes !== null) assert.ok(bytes instanceof Uint8Array, "bytes were to be a Uint8Array");
  if (at !== null) assert.ok(at instanceof Date, "at was to be a Date");
  return {
    ...others,
    id,
    big: big === null ? null : String(big),
    price: price === null ? null : String(price),
    bytes: bytes === null ? null : Buffer.from(bytes).toString("hex"),
    data,
    at: at === null ? null : at.toISOString(),
  };
}

function needsColumns(harness: OrmContractHarness): string | undefined {
  const description = harness.adapter.models.find((model) => model.name === "qa.Sample");
  return needs("sql")(harness) ?? (description?.table === undefined ? "it tells of no columns" : undefined);
}

/** What the database has of a sample, column by column, as the database itself writes it. */
async function storedTexts(adapter: OrmAdapter, id: number): Promise<Record<string, unknown>> {
  const { table } = adapter.models.find((model) => model.name === "qa.Sample") ?? {};
  assert.ok(adapter.sql !== undefined && table !== undefined);
  const { dialect } = adapter.sql;
  const quoted = (name: string): string => (dialect === "mysql" ? `\`${name}\`` : `"${name}"`);
  const columns = ["big", "price", "bytes", "data", "at"].map((attribute) => {
    const column = quoted(table.columns[attribute] ?? attribute);
    if (dialect === "postgres") return `cast(${column} as text) as ${attribute}_text`;
    if (dialect === "mysql") return `hex(cast(${column} as binary)) as ${attribute}_text`;
    return `typeof(${column}) || ' ' || quote(${column}) as ${attribute}_text`;
  });
  const from = [table.schema, table.name].filter((name) => name !== undefined).map(quoted);
  const where = `${quoted(table.columns["id"] ?? "id")} = ${dialect === "postgres" ? "$1" : "?"}`;
  const text = `select ${columns.join(", ")} from ${from.join(".")} where ${where}`;
  const [row, ...others] = await adapter.sql.query(text, [id]);
  assert.ok(row !== undefined && others.length === 0);
  return { ...row };
}

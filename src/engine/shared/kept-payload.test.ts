import * as fc from "fast-check";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PetioleError } from "../../errors.ts";
import { keptPayload, payloadOf } from "./kept-payload.ts";
import type { JsonStore, KeptPayload, PayloadForm } from "./kept-payload.ts";
import type { Json } from "../../message.ts";
import { describePostgres } from "../../../test/services/describe-postgres.ts";
import { carried } from "../../../test/fixtures/through-json.ts";

/** A text, and how it is to lie in each store. */
const cases: readonly { readonly text: string; readonly redis: PayloadForm; readonly jsonb: PayloadForm }[] =
  [
    // What people would like to read.
    { text: '{"a":1,"b":[true,null,"x"]}', redis: "json", jsonb: "json" },
    { text: "null", redis: "json", jsonb: "json" },
    { text: '"text"', redis: "json", jsonb: "json" },
    { text: "[]", redis: "json", jsonb: "json" },
    { text: "{}", redis: "json", jsonb: "json" },
    { text: "1e+21", redis: "json", jsonb: "json" },
    { text: "[5e-324,1.7976931348623157e+308,-0.1,1e-7]", redis: "json", jsonb: "json" },
    { text: String.raw`"\n\u0001\\ 🍃 \\u0000 \\ud800"`, redis: "json", jsonb: "json" },
    // What JSON.stringify writes otherwise, or jsonb keeps otherwise.
    { text: "1.0", redis: "string", jsonb: "string" },
    { text: "-0", redis: "string", jsonb: "string" },
    { text: "1e400", redis: "string", jsonb: "string" },
    { text: "1E5", redis: "string", jsonb: "string" },
    { text: '{"a": 1}', redis: "string", jsonb: "string" },
    { text: '{"a":1,"a":2}', redis: "string", jsonb: "string" },
    { text: '{"a":1,"1":2}', redis: "string", jsonb: "string" },
    { text: String.raw`"\u0041"`, redis: "string", jsonb: "string" },
    { text: "", redis: "string", jsonb: "string" },
    { text: "no JSON", redis: "string", jsonb: "string" },
    { text: '{"cut":', redis: "string", jsonb: "string" },
    // Keys that V8 may take for others.
    { text: String.raw`{"a\"":1}`, redis: "string", jsonb: "string" },
    { text: String.raw`[{"a":{"\\":1}}]`, redis: "string", jsonb: "string" },
    { text: String.raw`{"\ud800":1}`, redis: "string", jsonb: "string" },
    // A key that is lost where objects are copied with Object.assign.
    { text: '{"b":1,"__proto__":{"d":1,"c":2}}', redis: "string", jsonb: "string" },
    { text: '[{"a":{"__proto__":1}}]', redis: "string", jsonb: "string" },
    { text: '"__proto__"', redis: "json", jsonb: "json" },
    // What jsonb refuses.
    { text: String.raw`"\u0000"`, redis: "json", jsonb: "string" },
    { text: String.raw`"\\\u0000"`, redis: "json", jsonb: "string" },
    { text: String.raw`["\ud800"]`, redis: "json", jsonb: "string" },
    { text: String.raw`["\udfff"]`, redis: "json", jsonb: "string" },
    { text: "before\0after", redis: "string", jsonb: "escaped" },
    { text: '"\ud800"', redis: "string", jsonb: "escaped" },
    { text: "\udc00\ud800", redis: "string", jsonb: "escaped" },
    // Keys in an order of their own.
    { text: '{"b":1,"a":2}', redis: "json", jsonb: { keys: [["b", "a"]] } },
    { text: '{"aa":1,"b":2}', redis: "json", jsonb: { keys: [["aa", "b"]] } },
    { text: '{"é":1,"aa":2}', redis: "json", jsonb: { keys: [["é", "aa"]] } },
    { text: '{"b":1,"é":2}', redis: "json", jsonb: "json" },
    { text: '{"\uffff":1,"a":2}', redis: "json", jsonb: { keys: [["\uffff", "a"]] } },
    { text: '{"\ue000a":1,"😀":2}', redis: "json", jsonb: "json" },
    { text: '{"😀":1,"\ue000a":2}', redis: "json", jsonb: { keys: [["😀", "\ue000a"]] } },
    { text: '{"a":1,"":2}', redis: "json", jsonb: { keys: [["a", ""]] } },
    { text: '{"9":0,"10":0,"a":0}', redis: "json", jsonb: "json" },
    { text: '{"10":0,"b":0,"a":0}', redis: "json", jsonb: { keys: [["b", "a"]] } },
    {
      text: '{"4294967294":0,"4294967295":0,"01":0}',
      redis: "json",
      jsonb: { keys: [["4294967295", "01"]] },
    },
    { text: '[{"b":1,"a":2},{"b":3,"a":4},{"a":5}]', redis: "json", jsonb: { keys: [["b", "a"]] } },
    { text: '[{"b":1,"a":2},{"a":3,"b":4}]', redis: "json", jsonb: "string" },
    { text: '[{"a":1,"b":2},{"b":3,"a":4}]', redis: "json", jsonb: "string" },
  ];

const stores: readonly JsonStore[] = ["text", "jsonb"];

/** What a store gives back that keeps JSON as text. */
function stored(kept: KeptPayload): KeptPayload {
  return JSON.parse(JSON.stringify(kept)) as KeptPayload;
}

/** What `jsonb` does to keys, said otherwise than the code says it. */
function reordered(value: Json): Json {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(reordered);
  const entries = Object.entries(value).map(([key, item]) => [Buffer.from(key), item] as const);
  entries.sort(([one], [other]) => one.length - other.length || Buffer.compare(one, other));
  return Object.fromEntries(entries.map(([key, item]) => [key.toString(), reordered(item)]));
}

function throughStore(text: string, store: JsonStore): string {
  const { data, form } = stored(keptPayload(text, store));
  return payloadOf(store === "jsonb" ? reordered(data) : data, form);
}

const keys = fc.oneof(
  fc.constantFrom("a", "b", "aa", "é", "__proto__", "1", "10", "2", ""),
  fc.string({ unit: "binary", maxLength: 4 }),
);
const json = fc.letrec<{ json: Json }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom<Json>(null, true, false, "", "\0", "\ud800", "\\u0000"),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => (Object.is(number, -0) ? 0 : number)),
    fc.string({ unit: "binary" }),
    fc.array(tie("json"), { maxLength: 4 }),
    fc.array(fc.tuple(keys, tie("json")), { maxLength: 5 }).map((entries) => Object.fromEntries(entries)),
  ),
})).json;
/** Texts of JSON as `JSON.stringify` writes it and as it does not, and any other text. */
const texts = fc.oneof(
  { weight: 4, arbitrary: json.map((value) => JSON.stringify(value)) },
  { weight: 1, arbitrary: json.map((value) => JSON.stringify(value, null, 1)) },
  { weight: 1, arbitrary: fc.string({ unit: "binary" }) },
  {
    weight: 1,
    arbitrary: fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)),
  },
);

describe("keptPayload", () => {
  test.each(cases)("says how $text lies", ({ text, redis, jsonb }) => {
    expect(keptPayload(text, "text")).toEqual({
      data: redis === "json" ? JSON.parse(text) : text,
      form: redis,
    });
    const kept = keptPayload(text, "jsonb");
    expect(kept.form).toEqual(jsonb);
    if (jsonb === "string") expect(kept.data).toBe(text);
    else if (jsonb === "escaped") expect(JSON.parse(String(kept.data))).toBe(text);
    else expect(kept.data).toEqual(JSON.parse(text));
  });

  test.each(stores)("gives every text back through %s", (store) => {
    for (const { text } of cases) expect(throughStore(text, store)).toBe(text);
    fc.assert(
      fc.property(texts, (text) => throughStore(text, store) === text),
      { numRuns: 2000 },
    );
  });

  test.each(stores)("gives all that the wire carries back through %s", (store) => {
    for (const { kind, text } of carried) expect(throughStore(text, store), kind.name).toBe(text);
  });

  test("puts nothing into jsonb that it refuses", () => {
    fc.assert(
      fc.property(texts, (text) => {
        // What arrives has these as they are where JSON.stringify has them as escapes.
        const check = (value: Json): boolean =>
          typeof value === "string"
            ? value.isWellFormed() && !value.includes("\0")
            : typeof value !== "object" || value === null || Object.entries(value).flat().every(check);
        const { data, form } = keptPayload(text, "jsonb");
        return check(data) && check(form as Json);
      }),
      { numRuns: 2000 },
    );
  });

  test("leaves as a string what is nested so deep that others could not read it", () => {
    for (const nested of [
      (depth: number): string => "[".repeat(depth) + "]".repeat(depth),
      (depth: number): string => '{"]":'.repeat(depth) + String.raw`"\"[[\\"` + "}".repeat(depth),
    ])
      for (const store of stores) {
        const wide = `[${[`"${"[".repeat(3000)}"`, nested(999)].join()}]`;
        expect(keptPayload(wide, store).form).toBe("json");
        expect(keptPayload(nested(1000), store).form).toBe("json");
        for (const depth of [1001, 10_000, 1_000_000]) {
          expect(keptPayload(nested(depth), store)).toEqual({ data: nested(depth), form: "string" });
          expect(throughStore(nested(depth), store)).toBe(nested(depth));
        }
        // Cut off within a string, after its last quote.
        const cut = `${nested(1000)}"${"\\".repeat(3000)}`;
        expect(keptPayload(cut, store)).toEqual({ data: cut, form: "string" });
      }
  });

  test("does not list more orders of keys than half of a large payload", () => {
    const rows = (count: number, size: number): string =>
      JSON.stringify(
        Array.from({ length: count }, (_, row) => ({ [`name${row}`]: "x".repeat(size), [`id${row}`]: row })),
      );
    expect(keptPayload(rows(20, 0), "jsonb").form).toHaveProperty("keys.length", 20);
    expect(keptPayload(rows(1000, 0), "jsonb")).toEqual({ data: rows(1000, 0), form: "string" });
    expect(keptPayload(rows(1000, 50), "jsonb").form).toHaveProperty("keys.length", 1000);
  });
});

describe("payloadOf", () => {
  test("writes JSON that others wrote as JSON.stringify does", () => {
    expect(payloadOf({ b: 1, a: [null, "x"] })).toBe('{"b":1,"a":[null,"x"]}');
    expect(payloadOf("text")).toBe('"text"');
    expect(payloadOf(null)).toBe("null");
    const deep = "[".repeat(10_000) + "]".repeat(10_000);
    // Some runtimes cannot write it; then it is refused.
    const text = outcome(() => payloadOf(JSON.parse(deep) as Json));
    expect([deep, "ERR_ENGINE_ROW_UNREADABLE"]).toContain(text);
  });

  test("takes JSON that was changed as it is now", () => {
    const { form } = keptPayload('{"b":1,"a":{"d":2,"c":3}}', "jsonb");
    expect(payloadOf({ a: { c: 4, d: 5 }, b: 6 }, form)).toBe('{"b":6,"a":{"d":5,"c":4}}');
    expect(payloadOf({ a: { c: 4 }, b: 6, e: 7 }, form)).toBe('{"a":{"c":4},"b":6,"e":7}');
    expect(payloadOf(["b", "a"], form)).toBe('["b","a"]');
    expect(payloadOf(1, form)).toBe("1");
    const odd = JSON.parse('{"b":1,"a":{"__proto__":2,"c":3}}') as Json;
    expect(payloadOf(odd, form)).toBe('{"b":1,"a":{"__proto__":2,"c":3}}');
    expect(payloadOf(odd, { keys: [["c", "__proto__"]] })).toBe('{"b":1,"a":{"c":3,"__proto__":2}}');
  });

  test.each<[data: unknown, form: unknown, problem: string]>([
    [{ a: 1 }, "string", 'is object, where its form "string" says a string'],
    [7, "escaped", 'is number 7, where its form "escaped" says a string'],
    ["no JSON", "escaped", 'is not the text of a JSON string, as its form "escaped" says'],
    ["7", "escaped", 'is not the text of a JSON string, as its form "escaped" says'],
    [undefined, "json", "is undefined, which is not JSON"],
    [undefined, undefined, "is undefined, which is not JSON"],
    [undefined, { keys: [] }, "is undefined, which is not JSON"],
    [{}, null, "has the form null, which is not one of ours"],
    [{}, "other", 'has the form string "other", which is not one of ours'],
    [{}, {}, "has the form object, which is not one of ours"],
    [{}, { keys: ["ab"] }, "has the form object, which is not one of ours"],
    [{}, { keys: [[1]] }, "has the form object, which is not one of ours"],
  ])("refuses %j of form %j", (data, form, problem) => {
    expect(() => payloadOf(data as Json, form as PayloadForm)).toThrow(
      expect.objectContaining({
        code: "ERR_ENGINE_ROW_UNREADABLE",
        message: `The stored payload ${problem}. It was changed by something else than the engine; restore it, or discard the task.`,
      }),
    );
  });

  test("is safe on whatever data and form there are", () => {
    const forms = fc.oneof(
      json,
      fc.record({ keys: fc.array(fc.array(keys)) }),
      fc.constantFrom("json", "string", "escaped"),
    );
    fc.assert(
      fc.property(json, forms, (data, form) => {
        const text = outcome(() => payloadOf(data, form as PayloadForm));
        return text === "ERR_ENGINE_ROW_UNREADABLE" || typeof text === "string";
      }),
      { numRuns: 2000 },
    );
    const deep = JSON.parse('{"b":1,"a":'.repeat(100_000) + "1" + "}".repeat(100_000)) as Json;
    expect(outcome(() => payloadOf(deep, { keys: [["b", "a"]] }))).toBe("ERR_ENGINE_ROW_UNREADABLE");
  });
});

function outcome(run: () => string): string {
  try {
    return run();
  } catch (error) {
    if (error instanceof PetioleError) return error.code;
    throw error;
  }
}

describePostgres("jsonb gives payloads back", (createDatabase) => {
  let client: Client;
  beforeAll(async () => {
    client = new Client({ connectionString: await createDatabase() });
    await client.connect();
  });
  afterAll(() => client?.end());

  async function throughPostgres(texts: readonly string[]): Promise<string[]> {
    const kept = texts.map((text) => keptPayload(text, "jsonb"));
    const { rows } = await client.query<KeptPayload>(
      'select "data", "form" from unnest($1::jsonb[], $2::jsonb[]) as kept ("data", "form")',
      [kept.map(({ data }) => JSON.stringify(data)), kept.map(({ form }) => JSON.stringify(form))],
    );
    return rows.map(({ data, form }) => payloadOf(data, form));
  }

  test("of every case, and of all that the wire carries", async () => {
    const all = [...cases, ...carried].map(({ text }) => text);
    expect(await throughPostgres(all)).toEqual(all);
  });

  test("of whatever there is", async () => {
    const deep = '{"b":1,"a":'.repeat(1000) + "1" + "}".repeat(1000);
    const all = [...fc.sample(texts, 5000), deep, "[".repeat(100_000)];
    expect(await throughPostgres(all)).toEqual(all);
  });

  test("which it would change otherwise, or refuse", async () => {
    const { rows } = await client.query("select $1::jsonb as data", ['{"b":1,"a":2}']);
    expect(JSON.stringify(rows[0].data)).toBe('{"a":2,"b":1}');
    for (const text of [String.raw`"\u0000"`, String.raw`"\ud800"`])
      await expect(client.query("select $1::jsonb", [text])).rejects.toThrow();
  });
});

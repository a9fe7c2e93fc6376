import { expectTypeOf, test } from "vitest";
import type { InstancesOf } from "../task/portable.ts";
import { retired, value, Value, type ValueType } from "./index.ts";

const fields = { amount: BigInt };

test("a step is given fields of unknown type, unless it says what they were", () => {
  Value("x.A", fields, {
    version: 3,
    upgrade: {
      1: (data) => {
        expectTypeOf(data).toEqualTypeOf<Record<string, unknown>>();
        return data;
      },
      2: (data: { cents: number }) => ({ amount: BigInt(data.cents) }),
    },
  });
  const upgrade = { 1: (data: string) => ({ amount: BigInt(data) }) };
  // @ts-expect-error fields are an object
  Value("x.A", fields, { version: 2, upgrade });
  // @ts-expect-error a step is a function
  Value("x.A", fields, { version: 2, upgrade: { 1: { amount: 5n } } });
  // @ts-expect-error aliases are a list
  Value("x.A", fields, { aliases: "x.B" });
});

test("with encode and decode, a step is given any form", () => {
  class Name {
    text = "";
  }
  const name = value(Name, {
    name: "x.Name",
    version: 3,
    encode: ({ text }) => text,
    decode: (_: string) => new Name(),
    upgrade: {
      1: (form) => {
        expectTypeOf(form).toEqualTypeOf<unknown>();
        return form;
      },
      2: (form: number) => String(form),
    },
  });
  expectTypeOf(name).toEqualTypeOf<ValueType<Name>>();
});

test("a class keeps its type; a retired one has no instances", () => {
  class A extends Value("x.A", { a: Number }, { aliases: ["x.B"] }) {}
  expectTypeOf(new A({ a: 1 }).a).toEqualTypeOf<number>();
  const values = [A, retired("x.C")] as const;
  expectTypeOf<InstancesOf<typeof values>>().toEqualTypeOf<A>();
});

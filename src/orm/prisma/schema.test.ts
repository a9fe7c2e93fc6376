import { expect, test } from "vitest";
import { parseSchema } from "./schema.ts";

test("keys: of one field, of several, by another name, and none", () => {
  const { models } = parseSchema(`
    model One { // not this: @id
      other Int @default(1)
      key   String   @db.Uuid @id
    }
    model Two {
      a Int
      b Int
      @@unique([b, a], name: "other")
      @@id([a, b])
    }
    model Named {
      a Int
      b Int
      @@id(fields: [a, b(sort: Desc)], name: "pair", map: "pk")
    }
    model None {
      idea Int @map("@id")
      /// id Int @id
    }
    view Shown {
      id Int @unique
    }
  `);
  expect([...models].map(([name, { key }]) => [name, key])).toEqual([
    ["One", ["key"]],
    ["Two", ["a", "b"]],
    ["Named", ["a", "b"]],
    ["None", undefined],
    ["Shown", undefined],
  ]);
  expect([...models.get("Two")!.compoundNames]).toEqual([
    ["b,a", "other"],
    ["a,b", "a_b"],
  ]);
  expect([...models.get("Named")!.compoundNames]).toEqual([["a,b", "pair"]]);
});

test("columns: what is optional, and of which native type", () => {
  const { models } = parseSchema(`
    datasource db {
      provider = "postgresql"
    }
    model Rich {
      id    String? @default("a@b.c") @db.VarChar(40)
      price Decimal[] @db.Decimal(20, 4)
      shape Unsupported("circle")? @default(dbgenerated("'<(10,4),11>'::circle"))
      next  Int
    }
  `);
  expect(Object.fromEntries(models.get("Rich")!.fields)).toEqual({
    id: { isOptional: true, nativeType: "VarChar" },
    price: { isOptional: false, nativeType: "Decimal" },
    shape: { isOptional: true, nativeType: undefined },
    next: { isOptional: false, nativeType: undefined },
  });
});

test("comments and texts hide nothing and add nothing", () => {
  const { models, enums } = parseSchema(`
    /* model Hidden {
      id Int @id
    } */
    enum Size {
      small @map("s") // model Other {
      large
      @@map("sizes")
    }
    model Shown {
      id   Int    @id @default(1) /* @unique */
      text String @default("} // \\" @id")
      url  String @default("https://example.org")
    }
  `);
  expect([...models.keys()]).toEqual(["Shown"]);
  expect(models.get("Shown")!.key).toEqual(["id"]);
  expect([...models.get("Shown")!.fields.keys()]).toEqual(["id", "text", "url"]);
  expect(enums.get("Size")).toEqual(["small", "large"]);
});

test("of what is no schema, nothing", () => {
  for (const text of ["", "model", "model {", "}\n}\n", "model A {\n id Int @id"]) {
    expect(parseSchema(text).models.size).toBe(0);
  }
});

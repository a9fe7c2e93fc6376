import { expect, test } from "vitest";
import { nestedWrites } from "./nested.ts";

const relation = (name: string, type: string) => ({ name, kind: "object", type }) as const;
const data = {
  models: {
    Author: {
      fields: [{ name: "name", kind: "scalar", type: "String" } as const, relation("posts", "Post")],
    },
    Post: { fields: [relation("author", "Author"), relation("tags", "Tag")] },
    Tag: { fields: [relation("kind", "Kind")] },
    Kind: { fields: [] },
  },
};

test.each([
  [{ data: { name: "Ada" } }, []],
  [
    { data: { posts: { create: { tags: { create: [{}, { kind: { create: {} } }] } } } } },
    ["insert Post", "insert Tag", "insert Kind"],
  ],
  [{ data: { posts: { createMany: { data: [{}] } } } }, ["insert Post"]],
  [
    { data: { posts: { connectOrCreate: [{ where: {}, create: { tags: { create: {} } } }] } } },
    ["insert Post", "insert Tag"],
  ],
  [
    {
      data: {
        posts: {
          upsert: { where: {}, create: { tags: { create: {} } }, update: { tags: { deleteMany: {} } } },
        },
      },
    },
    ["insert Post", "update Post", "insert Tag", "delete Tag"],
  ],
  [
    { data: { posts: { update: { where: {}, data: { tags: { updateMany: { where: {}, data: {} } } } } } } },
    ["update Post", "update Tag"],
  ],
  [{ data: { posts: { update: { tags: { delete: true } } } } }, ["update Post", "delete Tag"]],
  [{ create: { posts: { create: {} } }, update: { posts: { delete: {} } } }, ["insert Post", "delete Post"]],
  [{ data: { posts: { connect: { id: 1 }, disconnect: true, set: [], create: [], delete: false } } }, []],
  [{ data: { posts: undefined } }, []],
  [{ data: null }, []],
  [undefined, []],
])("%j", (args, expected) => {
  expect(nestedWrites(data, "Author", args).map(({ operation, model }) => `${operation} ${model}`)).toEqual(
    expected,
  );
});

test("of a client that does not say what its models are, none are known", () => {
  expect(nestedWrites(undefined, "Author", { data: { posts: { create: {} } } })).toEqual([]);
});

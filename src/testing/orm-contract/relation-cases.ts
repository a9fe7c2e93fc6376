/** The contract's rules about rows with what they are related to. */
import assert from "node:assert/strict";
import { type OrmContractCase, attributeOf } from "./harness.ts";
import { anyOf, errorWith, lacks, needs, needsPart } from "./needs.ts";
import { insertPosts, loadOne } from "./rows.ts";

const options = { with: ["author"] } as const;

export const relationCases: readonly OrmContractCase[] = [
  {
    name: "loads a relation with each row, on its attribute; null where there is none",
    skip: needs("relations"),
    async run(harness) {
      const { adapter } = harness;
      const posts = await adapter.load("qa.Post", [...(await insertPosts(harness, 3)), 99], options);
      assert.equal(posts.length, 4);
      for (const post of posts) {
        const id = Number(adapter.keyOf("qa.Post", post));
        const author = attributeOf(post, "author") as object | null;
        if (id === 4) assert.equal(author, null);
        else {
          assert.ok(typeof author === "object" && author !== null, `post ${id} has no author`);
          assert.equal(adapter.keyOf("qa.Author", author), id);
          assert.equal(attributeOf(author, "name"), `author ${id}`);
          assert.deepEqual(adapter.fieldsOf("qa.Author", author), { id, name: `author ${id}` });
        }
      }
    },
  },
  {
    name: "loads relations in as many queries for many rows as for a few",
    skip: anyOf(needs("relations"), needsPart("countQueries", "queries are not counted")),
    async run(harness) {
      const ids = await insertPosts(harness, 40);
      const queriesFor = async (keys: readonly number[]): Promise<number> => {
        const before = harness.countQueries?.() ?? 0;
        assert.equal((await harness.adapter.load("qa.Post", keys, options)).length, keys.length);
        return (harness.countQueries?.() ?? 0) - before;
      };
      assert.equal(await queriesFor(ids), await queriesFor(ids.slice(0, 2)));
    },
  },
  {
    name: "a related row knows its model where instances do",
    skip: anyOf(needs("relations"), ({ adapter }) =>
      adapter.capabilities.recognisesRows === "instances" ? undefined : "its rows are plain objects",
    ),
    async run(harness) {
      await insertPosts(harness, 1);
      const post = await loadOne(harness, "qa.Post", 1, options);
      assert.equal(harness.adapter.modelOf(attributeOf(post, "author") as object), "qa.Author");
    },
  },
  {
    name: "sees the related rows of a transaction in it",
    skip: needs("relations", "transaction"),
    async run(harness) {
      const { adapter, handle, insert } = harness;
      await adapter.transaction(handle, async (within) => {
        const transaction = within as object;
        await insert(within, "qa.Author", [{ id: 1, name: "of the transaction" }]);
        await insert(within, "qa.Post", [{ id: 1, title: "post 1", authorId: 1 }]);
        const post = await loadOne(harness, "qa.Post", 1, { ...options, transaction });
        assert.equal(attributeOf(attributeOf(post, "author") as object, "name"), "of the transaction");
      });
    },
  },
  {
    name: "what is no relation is refused by its name",
    skip: needs("relations"),
    async run(harness) {
      await insertPosts(harness, 1);
      const names = ["nothing", "title", "authors", "constructor", "__proto__", "toString", "author.nothing"];
      for (const name of names) {
        const refused = errorWith("ERR_MODEL_DEFINITION", name.split(".").at(-1) ?? "");
        await assert.rejects(
          async () => harness.adapter.load("qa.Post", [1], { with: [name] }),
          refused,
          name,
        );
      }
      for (const name of ["", ".", "author.", ".author", "author..author"]) {
        const refused = errorWith("ERR_MODEL_DEFINITION");
        await assert.rejects(async () => harness.adapter.load("qa.Post", [1], { with: [name] }), refused);
      }
    },
  },
  {
    name: "what is no relation is refused beside what is one",
    skip: needs("relations"),
    async run(harness) {
      await insertPosts(harness, 1);
      const refused = errorWith("ERR_MODEL_DEFINITION", "nothing");
      const wrong = { with: ["author", "nothing"] };
      await assert.rejects(async () => harness.adapter.load("qa.Post", [1], wrong), refused);
    },
  },
  {
    name: "relations of relations are refused beyond a depth of four",
    skip: needs("relations"),
    async run(harness) {
      await insertPosts(harness, 1);
      const refused = errorWith("ERR_MODEL_DEFINITION");
      const wrong = { with: ["author.posts.author.posts.author"] };
      await assert.rejects(async () => harness.adapter.load("qa.Post", [1], wrong), refused);
    },
  },
  {
    name: "no relations are as many as none",
    async run(harness) {
      await insertPosts(harness, 1);
      const post = await loadOne(harness, "qa.Post", 1, { with: [] });
      const bare = await loadOne(harness, "qa.Post", 1);
      const { adapter } = harness;
      assert.deepEqual(adapter.fieldsOf("qa.Post", post), adapter.fieldsOf("qa.Post", bare));
    },
  },
  {
    name: "relations are refused with the reason where they cannot be loaded",
    skip: lacks("relations"),
    async run({ adapter }) {
      const refused = errorWith("ERR_MODEL_UNSUPPORTED", adapter.capabilities.lacks.relations ?? "");
      await assert.rejects(async () => adapter.load("qa.Post", [1], options), refused);
    },
  },
];

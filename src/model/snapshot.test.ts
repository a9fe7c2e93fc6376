import { describe, expect, test } from "vitest";
import { stubAdapter } from "../testing/stub-adapter.ts";
import { Snapshot } from "../wire/snapshot.ts";
import { bindingOf } from "./snapshot.ts";

describe("a snapshot that somebody else made", () => {
  const saved: unknown[] = [];
  const adapter = stubAdapter(
    { "qa.Comment": [{}, ["id"]], "qa.Seat": [{}, ["row", "place"]] },
    {},
    {
      save: async (_model, fields) => void saved.push(fields),
    },
  );
  const made = (index: number, pk: Snapshot["pk"], fields: object) => {
    const description = adapter.models[index]!;
    return new Snapshot(description.name, pk, fields, bindingOf({ adapter, description }));
  };

  test.each([
    [0, 7, { id: 8, body: "another row" }],
    [0, 7, { id: [7, 8], body: "several rows" }],
    [0, 7, { id: { $ne: null }, body: "all rows" }],
    [1, { row: 1, place: 2 }, { row: 1, place: 3 }],
    [1, { row: 1, place: 2 }, { row: 1, place: [2, 3] }],
  ])(
    "whose fields are not of the row that it names is neither saved nor made a row",
    async (index, pk, fields) => {
      const snapshot = made(index, pk as Snapshot["pk"], fields);
      await expect(snapshot.save()).rejects.toMatchObject({ code: "ERR_REFERENCE_KEY" });
      expect(() => snapshot.entity).toThrow(expect.objectContaining({ code: "ERR_REFERENCE_KEY" }));
      expect(saved).toStrictEqual([]);
    },
  );

  test("whose key is typed otherwise is of the row", async () => {
    await made(0, 7, { id: "7", body: "same" }).save();
    expect(saved.splice(0)).toStrictEqual([{ id: "7", body: "same" }]);
  });
});

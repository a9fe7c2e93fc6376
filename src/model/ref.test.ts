import { describe, expect, test } from "vitest";
import type { PetioleError } from "../errors.ts";
import type { ModelDescription } from "./adapter.ts";
import { checkKey } from "./key.ts";
import { type Key, Reference, ref } from "./ref.ts";
import { findModel, modelOfTarget } from "./registry.ts";
import { stubAdapter } from "../testing/stub-adapter.ts";

class Comment {
  id: number | undefined;
  constructor(id?: number) {
    this.id = id;
  }
}
class Membership {
  declare userId: number;
  declare groupName: string;
  declare note: string;
}
stubAdapter({ "qa.Comment": [Comment, ["id"]], "qa.Membership": [Membership, ["userId", "groupName"]] });

describe("ref", () => {
  test("by row, by key and by hand are equal", () => {
    const byHand = new Reference("qa.Comment", 7);
    expect(ref(Comment, 7)).toEqual(byHand);
    expect(ref(Comment, new Comment(7))).toEqual(byHand);
    expect(ref(Comment, { id: 7 })).toEqual(byHand);
    expect(ref(Comment, -0)).toStrictEqual(ref(Comment, 0));
  });

  test("composite keys: an object of the key, or a row that has more, in any order", () => {
    const byHand = new Reference("qa.Membership", { userId: 3, groupName: "staff" });
    const reference = ref(Membership, { groupName: "staff", userId: 3 });
    expect(reference).toEqual(byHand);
    expect(ref(Membership, { note: "x", groupName: "staff", userId: 3 })).toEqual(byHand);
    // The model's order, so that the same row is the same text on the wire.
    expect(Object.keys(reference.pk)).toEqual(["userId", "groupName"]);
    expect(reference.identity).toBe(byHand.identity);
  });

  test.each([0, -1, "", "abc", 7n, 2n ** 70n])("takes the key %s", (key) => {
    expect(ref(Comment, key).pk).toBe(key);
  });

  test.each<[unknown, RegExp]>([
    [Number.NaN, /received number NaN/],
    [1.5, /safe integer.*received number 1\.5/],
    [Infinity, /received number Infinity/],
    [2 ** 53, /received number 9007199254740992\. Use a bigint/],
    [null, /received null/],
    [undefined, /received undefined/],
    [true, /received boolean true/],
    [Symbol("x"), /received symbol/],
    [() => 7, /received function/],
    [new Date(), /no "id"; received Date/],
    [[7], /no "id"; received Array/],
    [{}, /no "id"; received object/],
    [new Comment(), /no "id"; received Comment.*save the row first/],
    [{ id: null }, /no "id"/],
    [{ id: new Date() }, /received Date/],
    [{ id: { id: 7 } }, /"id" must be a string, a safe integer or a bigint; received object/],
  ])("refuses the row or key %o", (rowOrKey, message) => {
    const error = refusal(() => ref(Comment, rowOrKey as Key & number));
    expect(error.code).toBe("ERR_REFERENCE_KEY");
    expect(error.message).toMatch(message);
    expect(error.message).toMatch(/^qa\.Comment: /);
  });

  test("names what a composite key lacks", () => {
    expect(() => ref(Membership, { userId: 3, groupName: "a" }, { ifMising: "skip" } as object)).toThrow(
      /reference to .* must be among connection, .*"ifMising"/,
    );
    expect(() => ref(Membership, { userId: 3 })).toThrow(/no "groupName"/);
    expect(() => ref(Membership, {})).toThrow(/no "userId", "groupName"/);
    expect(() => ref(Membership, 3)).toThrow(
      /must be an object of exactly "userId", "groupName"; received number 3/,
    );
  });

  test("a target that is not registered", () => {
    class Stranger extends Comment {}
    const error = refusal(() => ref(Stranger, 7));
    expect(error.code).toBe("ERR_MODEL_UNKNOWN");
    expect(error.message).toMatch(/ref\(Stranger, …\).*`models`/);
    expect(() => ref("qa.Comment" as unknown as object, 7)).toThrow(/app\.ref\("qa\.Comment", key\)/);
    expect(() => ref(undefined as unknown as object, 7)).toThrow(/ref\(undefined, …\)/);
  });

  test("a target under two names", () => {
    class Shared {
      declare id: number;
    }
    stubAdapter({ "one.Shared": [Shared, ["id"]] });
    expect(ref(Shared, 7).model).toBe("one.Shared");
    stubAdapter({ "two.Shared": [Shared, ["id"]] });
    const error = refusal(() => ref(Shared, 7));
    expect(error.code).toBe("ERR_MODEL_DEFINITION");
    expect(error.message).toMatch(/"one\.Shared" and "two\.Shared".*app\.ref\("one\.Shared", key\)/);
  });
});

describe("the registry", () => {
  test("the same target under the same name again takes the former's place", () => {
    class Again {
      declare id: number;
    }
    const first = stubAdapter({ "x.Again": [Again, ["id"]] });
    const second = stubAdapter({ "x.Again": [Again, ["id"]] });
    expect(modelOfTarget(Again).adapter).toBe(second);
    expect(modelOfTarget(Again).adapter).not.toBe(first);
  });

  test("an adapter that reads keys in its own way", () => {
    class Document extends Comment {}
    stubAdapter({ "x.Document": [Document, ["_id"]] }, {}, { keyOf: () => "65f0" });
    expect(ref(Document, new Document())).toEqual(new Reference("x.Document", "65f0"));
  });

  test("finds a model by name, over all adapters", () => {
    const adapters = [
      stubAdapter({ "a.One": [class extends Comment {}, ["id"]] }),
      stubAdapter({ "b.Two": [class extends Comment {}, ["id"]] }),
    ];
    expect(findModel(adapters, "b.Two").adapter).toBe(adapters[1]);
    expect(findModel(adapters, "b.Two").description.key).toEqual(["id"]);
    const error = refusal(() => findModel(adapters, "b.Tow"));
    expect(error.code).toBe("ERR_MODEL_UNKNOWN");
    expect(error.message).toMatch(/"b\.Tow".*"a\.One", "b\.Two"/);
    expect(() => findModel([], "b.Two")).toThrow(/no models/);
  });
});

describe("checkKey", () => {
  const single: ModelDescription = { name: "qa.Comment", target: Comment, key: ["id"] };
  const pair: ModelDescription = { name: "qa.Membership", target: Membership, key: ["userId", "groupName"] };

  test("gives a key its one shape", () => {
    expect(checkKey(single, 7)).toBe(7);
    expect(checkKey(single, { id: 7 })).toBe(7);
    expect(checkKey(pair, { groupName: "staff", userId: 3n })).toEqual({ userId: 3n, groupName: "staff" });
    expect(
      checkKey(pair, Object.assign(Object.create(null) as object, { userId: 1, groupName: "" })),
    ).toEqual({
      userId: 1,
      groupName: "",
    });
  });

  test.each<[ModelDescription, unknown, RegExp]>([
    [single, { id: 7, body: "" }, /received object with "body" as well/],
    [single, {}, /received object without "id"/],
    [single, new Comment(7), /received Comment/],
    [single, null, /"id" must be .* received null/],
    [pair, { userId: 3 }, /without "groupName"/],
    [pair, { userId: 3, groupName: "a", since: 5 }, /with "since" as well/],
    [pair, { userId: 3, groupName: undefined }, /"groupName" must be .* received undefined/],
    [pair, { userId: Number.NaN, groupName: "a" }, /"userId" must be .* received number NaN/],
    [pair, [3, "a"], /received Array/],
    [pair, "3", /received string "3"/],
  ])("%o refuses %o", (description, key, message) => {
    const error = refusal(() => checkKey(description, key));
    expect(error.code).toBe("ERR_REFERENCE_KEY");
    expect(error.message).toMatch(message);
  });
});

function refusal(run: () => unknown): PetioleError {
  try {
    run();
  } catch (error) {
    return error as PetioleError;
  }
  throw new Error("nothing was refused");
}

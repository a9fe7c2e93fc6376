import { describe, expect, test } from "vitest";
import { PetioleError } from "../errors.ts";
import { type RelationsThere, relationSteps, relationsThere } from "./relation-path.ts";

/** A person has friends, and a home whose address is in an embedded object. */
const of = (from: string | undefined): RelationsThere<string> => {
  if (from === "anything") return { of: undefined, names: [], find: () => undefined };
  if (from !== "home")
    return relationsThere("Person", new Map(["friend", "home", "anything"].map((name) => [name, name])));
  return {
    of: "Home",
    names: ["place.city"],
    find: (path) =>
      /^place\.city(?:\.|$)/.test(path) ? { name: "place.city", relation: "friend" } : undefined,
  };
};
const invalid = (reason: string) => new PetioleError("ERR_MODEL_DEFINITION", reason);
const steps = (...paths: string[]) => relationSteps(paths, of, invalid);

describe("relationSteps", () => {
  test("makes one tree of all paths, each relation once", () => {
    const friend = { name: "friend", relation: "friend" };
    const home = { name: "home", relation: "home" };
    expect(steps()).toEqual([]);
    expect(steps("friend.home", "friend", "home", "friend.friend")).toEqual([
      {
        ...friend,
        below: [
          { ...home, below: [] },
          { ...friend, below: [] },
        ],
      },
      { ...home, below: [] },
    ]);
  });

  test("takes a relation whose name has dots for one", () => {
    const path = "home.place.city.friend.friend";
    expect(steps(path)[0]?.below[0]?.name).toBe("place.city");
    expect(() => steps(`${path}.friend`)).toThrow(/more than 4 relations deep/);
  });

  test.each([
    ["enemy", /"enemy", and Person has no relation "enemy"\. It has friend, home, anything/],
    ["friend.", /"friend\.", and Person has no relation ""/],
    ["", /no relation ""/],
    ["__proto__", /no relation "__proto__"/],
    ["home.garden", /Home has no relation "garden"\. It has place\.city/],
    ["anything.more", /which model "more" is of only each row tells/],
    ["friend.friend.friend.friend.friend", /more than 4 relations deep/],
  ])("refuses %j", (path, message) => {
    expect(() => steps(path)).toThrow(expect.objectContaining({ message: expect.stringMatching(message) }));
  });
});

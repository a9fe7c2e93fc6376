import { describe, expect, test } from "vitest";
import { areAlike } from "./canonical.ts";

describe("areAlike", () => {
  test("bytes are alike by what they are, in whichever form a driver gives them", () => {
    const [one, same, other] = ["one", "one", "two"].map((text) => new TextEncoder().encode(text));
    expect(areAlike(one!.buffer, other!.buffer)).toBe(false);
    expect(areAlike(one!.buffer, same!.buffer)).toBe(true);
    expect(areAlike(one!.buffer, Buffer.from("one"))).toBe(true);
  });
});

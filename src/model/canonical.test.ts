import { describe, expect, test } from "vitest";
import { stubAdapter } from "../testing/stub-adapter.ts";
import { areAlike } from "./canonical.ts";
import { Reference, ref } from "./ref.ts";
import { hasChanged } from "./version.ts";

/** What a transformer of a column may make of it. */
class Cents {
  readonly #amount: number;

  constructor(amount: number) {
    this.#amount = amount;
  }

  plus(more: number): Cents {
    return new Cents(this.#amount + more);
  }
}
class Price {
  id = 7;
  amount: unknown;
}

describe("areAlike", () => {
  test("bytes are alike by what they are, in whichever form a driver gives them", () => {
    const [one, same, other] = ["one", "one", "two"].map((text) => new TextEncoder().encode(text));
    expect(areAlike(one!.buffer, other!.buffer)).toBe(false);
    expect(areAlike(one!.buffer, same!.buffer)).toBe(true);
    expect(areAlike(one!.buffer, Buffer.from("one"))).toBe(true);
  });

  test("instances that show nothing of what they hold are not alike, and tell no version", () => {
    const one = new Cents(1);
    expect(areAlike(one, one)).toBe(true);
    expect(areAlike(one, new Cents(2))).toBe(false);
    expect(areAlike({ price: one }, { price: one.plus(1) })).toBe(false);

    const adapter = stubAdapter({ "x.Price": [Price, ["id"]] });
    const [model] = adapter.models;
    const row = Object.assign(new Price(), { amount: one });
    expect(() => ref(Price, row, { ifChanged: "skip" })).toThrow(
      expect.objectContaining({ code: "ERR_MODEL_DEFINITION", message: expect.stringContaining("Cents") }),
    );
    const digest = { fields: ["amount"], sha256: "of another version of the app" };
    expect(hasChanged(new Reference("x.Price", 7, { digest }), model!, adapter, row)).toBe(true);
  });
});

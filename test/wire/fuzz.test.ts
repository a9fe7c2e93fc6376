/** A minute of the fuzzer; `npm run test:fuzz -- --texts 1000000` is the whole. */
import { describe, expect, test } from "vitest";
import { fuzz } from "./fuzz.ts";
import { Guard } from "./guard.ts";

// A minute where all is tried, less while somebody waits.
const milliseconds = process.env["CI"] ? 60_000 : 10_000;

describe("changed texts", () => {
  test("are decoded, or refused by an error of ours, and touch nothing", () => {
    const seed = Number(process.env["FUZZ_SEED"] ?? Date.now() % 2 ** 32);
    // A failure tells the seed and the text.
    const { texts, decoded, refused } = fuzz({ seed, texts: 1_000_000, milliseconds });
    expect(texts).toBeGreaterThan(1_000);
    expect(decoded).toBeGreaterThan(texts / 50);
    expect(Object.keys(refused).length).toBeGreaterThan(1);
  }, 120_000);
});

describe("the guard", () => {
  test("sees a prototype that changes, and a canary that is called", () => {
    const guard = new Guard();
    expect(guard.changes()).toStrictEqual([]);
    const prototype = Object.prototype as { polluted?: number };
    Object.assign(prototype, { polluted: 1 });
    expect(guard.changes()).toStrictEqual(["Object has polluted"]);
    delete prototype.polluted;
    const maps: object = Map.prototype;
    const has = Object.getOwnPropertyDescriptor(maps, "has")!;
    Object.defineProperty(maps, "has", { ...has, value: () => true });
    expect(guard.changes()).toStrictEqual(["Map has another has"]);
    Object.defineProperty(maps, "has", has);
    expect(guard.changes()).toStrictEqual([]);
    const Canary = (globalThis as unknown as Record<string, new () => object>)["PetioleCanary"]!;
    expect(new Canary()).toBeTypeOf("object");
    expect(guard.changes()).toStrictEqual(["new"]);
  });
});

import { expect, test } from "vitest";
import { Value, anything, value } from "../value/index.ts";
import { revive } from "./revive.ts";
import { createWire } from "./index.ts";
import { defaultLimits } from "./limits.ts";
import { tagsByName } from "./tags/index.ts";
import { valueTags } from "./value-type.ts";

// The short ways and the general way must give the same values and refuse the same things. Random values and
// random damage, from a seed that is told when something differs.

class Box extends Value("x.Box", { it: anything, at: Date }) {}
const url = value(URL, { name: "x.Url", encode: String, decode: (text: string) => new URL(text) });
const values = [Box, url];
const wire = createWire({ values });
const tags = valueTags(values);

/** Mulberry32: small, and the same everywhere. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function make(next: () => number, depth: number): unknown {
  const some = <Item>(from: readonly Item[]): Item => from[Math.floor(next() * from.length)]!;
  const items = (): unknown[] => Array.from({ length: Math.floor(next() * 4) }, () => make(next, depth - 1));
  const scalars = [
    () => null,
    () => next() > 0.5,
    () => some(["", "é\u0000", "__type__", "a\\u005fb"]),
    () => some([0, -0, NaN, 1e21, -5]),
    () => BigInt(Math.floor(next() * 1e9)),
    () => undefined,
    () => new Date(Math.floor(next() * 1e12)),
    () => new Uint8Array([1, 2]),
    () => new URL("http://a/b"),
  ];
  const containers = [
    items,
    () =>
      Object.fromEntries(items().map((item, index) => [some(["a", "b", "__value__", "x y"]) + index, item])),
    () => new Set(items()),
    () => new Map(items().map((item) => [make(next, 0), item])),
    () => new Box({ it: make(next, depth - 1), at: new Date(5) }),
    () => Object.assign(new TypeError("x"), { more: make(next, depth - 1) }),
    () => ({ __type__: "map", __value__: make(next, depth - 1) }),
  ];
  return some(depth > 0 ? [...scalars, ...containers, ...containers] : scalars)();
}

function shortWay(text: string): { value: unknown } | undefined {
  return revive(JSON.parse(text), (name) => tagsByName.get(name) ?? tags.byName.get(name), defaultLimits);
}

/** Forces the general way, with a reference beside the value. */
function generalWay(text: string): unknown {
  const [decoded] = wire.decode(`[${text},{"__type__":"ref","__value__":{"model":"a.B","pk":1}}]`) as [
    unknown,
  ];
  return decoded;
}

test("random values, both ways", () => {
  for (let seed = 0; seed < 3000; seed++) {
    const given = make(random(seed), 4);
    const text = wire.encode(given);
    const tree: unknown = generalWay(text);
    try {
      expect(tree).toStrictEqual(given);
      const short = shortWay(text);
      if (short) expect(short.value).toStrictEqual(given);
      expect(wire.encode(wire.decode(text))).toBe(text);
    } catch (error) {
      throw new Error(`seed ${seed}: ${text}`, { cause: error });
    }
  }
});

test("damaged texts: what the short way takes, the general way takes, and gives the same", () => {
  let taken = 0;
  for (let seed = 0; seed < 6000; seed++) {
    const next = random(seed);
    const text = wire.encode(make(next, 4));
    const at = Math.floor(next() * text.length);
    const damaged =
      text.slice(0, at) + '"[]{}:,0nul__type__ref'.charAt(Math.floor(next() * 22)) + text.slice(at + 1);
    let short: { value: unknown } | undefined;
    try {
      short = shortWay(damaged);
    } catch {
      continue; // No JSON.
    }
    if (!short) {
      // Whatever it is, it is an error of ours, or a value.
      try {
        wire.decode(damaged);
      } catch (error) {
        expect(error).toMatchObject({
          code: expect.stringMatching(/^ERR_(TEXT_UNDECODABLE|TYPE_UNKNOWN|PAYLOAD_LIMIT)$/),
        });
      }
      continue;
    }
    taken++;
    expect(short.value, `seed ${seed}: ${damaged}`).toStrictEqual(generalWay(damaged));
  }
  expect(taken).toBeGreaterThan(500);
});

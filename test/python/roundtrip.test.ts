/**
 * Random graphs of values go to Python and come back: what the Python package decodes and encodes stands for the same
 * here. The vectors, in `python/tests`, are what both know by heart; these are what neither has seen.
 */
import { spawn, type ChildProcessByStdio } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { noPython, python, pythonEnvironment } from "../services/python.ts";
import { graphs } from "../wire/arbitrary.ts";
import { attempt } from "../../src/errors.ts";
import { Box } from "../wire/classes.ts";
import { corpus } from "../wire/corpus.ts";
import { mutate } from "../wire/mutate.ts";
import { wire } from "../wire/places.ts";
import { Random } from "../wire/random.ts";
import { difference } from "../wire/same.ts";

const tests = fileURLToPath(new URL("../../python/tests", import.meta.url));
const reason = noPython === undefined ? "" : ` (skipped: ${noPython})`;

/** A Python that answers each line of text with one. */
class Peer {
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  #rest = "";
  readonly #waiting: ((line: string) => void)[] = [];

  constructor() {
    this.#process = spawn(python, ["-m", "petiole.roundtrip", "--import", "wire_classes"], {
      env: pythonEnvironment(tests),
      stdio: ["pipe", "pipe", "inherit"],
    });
    // Not `node:readline`, for which U+2028 ends a line.
    this.#process.stdout.setEncoding("utf8").on("data", (text: string) => {
      const lines = (this.#rest + text).split("\n");
      this.#rest = lines.pop()!;
      for (const line of lines) this.#waiting.shift()?.(line);
    });
    const fail = (): void => this.#waiting.splice(0).forEach((answer) => answer("!Python ended"));
    this.#process.on("exit", fail).on("error", fail);
  }

  ask(text: string): Promise<string> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#process.stdin.write(`${text}\n`);
    });
  }

  stop(): void {
    this.#process.kill();
  }
}

const runs = { numRuns: process.env["CI"] ? 3_000 : 500 };

describe.skipIf(noPython !== undefined)(`through Python and back${reason}`, () => {
  let peer: Peer;
  beforeAll(() => void (peer = new Peer()));
  afterAll(() => peer.stop());

  const isExact = async (value: unknown): Promise<void> => {
    const answer = await peer.ask(wire.encode(value));
    expect(answer.startsWith("!") ? answer.slice(0, 2_000) : undefined).toBeUndefined();
    expect(difference(value, wire.decode(answer))).toBeUndefined();
  };

  test("graphs of anything", async () => {
    await fc.assert(
      fc.asyncProperty(graphs(), (value) => isExact(value)),
      runs,
    );
  });

  test("deep and in circles, as a graph", async () => {
    const ring: { next?: object; previous?: object; inside?: unknown }[] = Array.from(
      { length: 3_000 },
      () => ({}),
    );
    for (const [at, item] of ring.entries()) {
      item.next = ring[(at + 1) % ring.length]!;
      item.previous = ring.at(at - 1)!;
    }
    await fc.assert(
      fc.asyncProperty(graphs(), (value) => isExact([value, Object.assign(ring[0]!, { inside: value })])),
      { numRuns: 20 },
    );
  });

  test("many instances of one class", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(graphs(), { minLength: 4, maxLength: 6 }), (inside) =>
        isExact(inside.map((held) => new Box({ held }))),
      ),
      { numRuns: 100 },
    );
  });

  test("10,000 levels, as they are and as a graph", async () => {
    for (const levels of [10_000, 30_000]) {
      let deep: unknown = { end: new Map([["a", 1n]]) };
      for (let level = 0; level < levels; level++) deep = level % 2 ? [deep] : { deep };
      await isExact(deep);
    }
  });

  test("what is refused is answered with why", async () => {
    expect(await peer.ask('{"__type__":"nothing","__value__":1}')).toMatch(/^!Cannot decode value/);
    expect(await peer.ask("{")).toMatch(/^!Cannot decode value: expected JSON/);
    await isExact({ after: "that" });
  });

  test("changed texts are read alike where both read them", async () => {
    const random = new Random(Date.now() % 2 ** 32);
    let read = 0;
    for (let tried = 0; tried < runs.numRuns * 4; tried++) {
      const text = mutate(corpus[random.below(corpus.length)]!, random);
      // What a pipe of lines in UTF-8 cannot hold.
      if (text.length > 5_000 || /[\r\n]/.test(text) || !text.isWellFormed()) continue;
      const value = attempt(() => [wire.decode(text)]);
      const answer = await peer.ask(text);
      // Either may refuse what the other does not look into: expressions, addresses, time zones.
      if (!value || answer.startsWith("!")) continue;
      read++;
      expect(difference(value[0], wire.decode(answer)), text).toBeUndefined();
    }
    expect(read).toBeGreaterThan(runs.numRuns / 10);
  });

  test("one of each tag", async () => {
    for (const text of corpus) {
      const value = attempt(() => [wire.decode(text)]);
      if (!value) continue;
      const answer = await peer.ask(JSON.stringify(JSON.parse(text)));
      // The classes that Python's tests have not.
      if (/"(test.Tally|test.Stack|shop.PaymentError)"/.test(text) && answer.startsWith("!")) continue;
      expect(answer.startsWith("!") ? `${text.slice(0, 300)} ${answer}` : undefined).toBeUndefined();
      expect(difference(value[0], wire.decode(answer))).toBeUndefined();
    }
  });
});

import { expectTypeOf, test } from "vitest";
import { memory } from "../engine/memory.ts";
import { retired, Value } from "../value/index.ts";
import { Petiole } from "./petiole.ts";

class Money extends Value("shop.Money", { amount: BigInt }) {}

const app = new Petiole({ engine: memory(), values: [Money, retired("shop.Voucher")] });

test("an upgrade is given anything, unless it says what its version was; the handler keeps its types", () => {
  const task = app.task("a", ({ fee }: { fee: Money }) => fee.amount, {
    version: 3,
    upgrade: {
      1: (payload) => {
        expectTypeOf(payload).toEqualTypeOf<unknown>();
        return payload;
      },
      2: ({ cents }: { cents: number }) => ({ fee: new Money({ amount: BigInt(cents) }) }),
    },
    aliases: ["b"],
  });
  void task.enqueue({ fee: new Money({ amount: 5n }) });
  // @ts-expect-error only the present version is sent
  void task.enqueue({ cents: 5 });
  // @ts-expect-error a step is a function
  app.task("c", () => {}, { version: 2, upgrade: { 1: {} } });
  // @ts-expect-error a version is a number
  app.task("c", () => {}, { version: "2" });
  // @ts-expect-error aliases are a list
  app.task("c", () => {}, { aliases: "d" });
});

test("a retired task ends in one of two ways", () => {
  expectTypeOf(app.retired("d", { outcome: "discard" })).toEqualTypeOf(app);
  // @ts-expect-error there is no third
  app.retired("d", { outcome: "skip" });
});

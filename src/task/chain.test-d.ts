import { expectTypeOf, test } from "vitest";
import { memory } from "../engine/memory.ts";
import { Value } from "../value/index.ts";
import type { ChainHandle } from "./chain-handle.ts";
import type { ChainOptions, CheckedSteps, Unusable } from "./chain-types.ts";
import type { CheckedMembers } from "./group.ts";
import type { Handle } from "./handle.ts";
import { Petiole } from "./petiole.ts";
import type { Signature, TaskWith } from "./signature.ts";

class Money extends Value("shop.Money", { amount: BigInt, currency: String }) {}
const app = new Petiole({ engine: memory(), values: [Money] });

const fetchPage = app.task("fetch", async ({ url }: { url: string }) => ({ body: url, at: new Date(0) }));
const count = app.task("count", ({ body }: { body: string }) => body.length);
const charge = app.task("charge", (words: number) => new Money({ amount: BigInt(words), currency: "EUR" }));
const bill = app.task("bill", (fee: Money, _job) => fee.currency);
const done = app.task("done", (): void => {});
const ping = app.task("ping", (_: undefined) => "pong");
const anything = app.task("anything", (given: unknown) => given);

test("a signature knows what its task returns, and takes what enqueue takes", () => {
  expectTypeOf(count.signature({ body: "a" })).toEqualTypeOf<Signature<number>>();
  expectTypeOf(count.with({ delay: "1m" })).toExtend<TaskWith<{ readonly body: string }, number>>();
  expectTypeOf(ping.signature()).toEqualTypeOf<Signature<string>>();
  // @ts-expect-error its payload
  void count.signature({ body: 1 });
  // @ts-expect-error it has none
  void count.signature();
  // @ts-expect-error that is for the whole
  void count.with({ transaction: {} });
});

test("each step takes what the one before returns", async () => {
  const chain = app.chain(fetchPage, count, charge, bill);
  const handle = await chain.enqueue({ url: "a" });
  expectTypeOf(handle.result()).resolves.toBeString();
  expectTypeOf(handle.handles[0]).toEqualTypeOf<Handle<{ body: string; at: Date }>>();
  expectTypeOf(handle.handles[2]).toEqualTypeOf<Handle<Money>>();
  expectTypeOf(chain.handle(handle.ids)).toEqualTypeOf(handle);
  // @ts-expect-error the payload of the first
  void chain.enqueue({ url: 1 });
  // @ts-expect-error options of one step
  void chain.enqueue({ url: "a" }, { queue: "slow" });
  // @ts-expect-error count wants { body }
  app.chain(charge, count);
  // @ts-expect-error in the middle too
  app.chain(fetchPage, count, bill, charge);
  // @ts-expect-error a string is no number
  app.chain(ping, charge.with({ delay: 5 }));
  app.chain(fetchPage, count.with({ queue: "slow" }), charge.with({ delay: 5 }), anything, anything);
  // @ts-expect-error what it returns is not known
  app.chain(anything, charge);
});

test("the advice says what to do", () => {
  type Advised<Steps extends readonly unknown[]> = CheckedSteps<Steps>[1];
  type Group = ReturnType<typeof app.group<readonly []>>;
  expectTypeOf<Advised<[typeof charge, typeof count]>>().toExtend<
    Unusable<`this step does not take what the step before it returns${string}task.signature(payload)`>
  >();
  expectTypeOf<Advised<[typeof charge, Group]>>().toExtend<
    Unusable<`a group cannot be a step of a chain: ${string}`>
  >();
  expectTypeOf<Advised<[typeof charge, number]>>().toExtend<Unusable<`a step of a chain is ${string}`>>();
  expectTypeOf<CheckedMembers<[typeof count]>[0]>().toExtend<
    Unusable<`a member of a group has its payload: ${string}`>
  >();
  // @ts-expect-error a group is no step
  app.chain(fetchPage, app.group(count.signature({ body: "a" })));
  // @ts-expect-error nor is a chain
  app.chain(fetchPage, app.chain(count));
  // @ts-expect-error nor a function
  app.chain(fetchPage, () => 1);
  // @ts-expect-error of none
  app.chain();
});

test("a signature does not look at what is before it", async () => {
  const chain = app.chain(ping.signature(), count.signature({ body: "a" }), charge);
  expectTypeOf(chain.enqueue).parameters.toEqualTypeOf<[options?: ChainOptions]>();
  expectTypeOf(await chain.enqueue()).toEqualTypeOf<ChainHandle<readonly [string, number, Money]>>();
  // @ts-expect-error a signature's result is known
  app.chain(ping.signature(), charge);
});

test("what returns nothing is followed by what takes nothing", () => {
  app.chain(done, ping, anything);
  // @ts-expect-error it wants a number
  app.chain(done, charge);
});

test("the payload may be left out where undefined is one", async () => {
  expectTypeOf((await app.chain(ping, anything).enqueue()).result()).resolves.toBeUnknown();
  expectTypeOf((await app.chain(ping.with({ delay: 1 })).enqueue()).result()).resolves.toBeString();
  // @ts-expect-error charge has a payload
  void app.chain(charge).enqueue();
});

test("a list of tasks of one type may be a chain", () => {
  const twice = app.task("twice", (x: number) => 2 * x);
  const list = [twice, twice] as [typeof twice, ...(typeof twice)[]];
  expectTypeOf(
    app
      .chain(...list)
      .handle([])
      .result(),
  ).resolves.toBeNumber();
});

test("a group has its members' results as a tuple", async () => {
  const group = app.group(
    count.signature({ body: "a" }),
    app.chain(ping.signature(), anything, bill.signature(new Money({ amount: 1n, currency: "EUR" }))),
  );
  const handle = await group.enqueue();
  expectTypeOf(handle.results()).resolves.toEqualTypeOf<[number, string]>();
  expectTypeOf(handle.settled()).resolves.toEqualTypeOf<
    [PromiseSettledResult<number>, PromiseSettledResult<string>]
  >();
  expectTypeOf(handle.handles[0]).toEqualTypeOf<Handle<number>>();
  expectTypeOf(handle.handles[1].result()).resolves.toBeString();
  const many = await app.group(...["a", "b"].map((body) => count.signature({ body }))).enqueue();
  expectTypeOf(many.results()).resolves.toEqualTypeOf<number[]>();
  // @ts-expect-error its payload
  app.group(count);
  // @ts-expect-error its payload
  app.group(count.with({ delay: 5 }));
  // @ts-expect-error the chain wants one
  app.group(app.chain(count, charge));
  // @ts-expect-error nothing of the kind
  app.group(1);
  // @ts-expect-error of one member
  void group.enqueue({ delay: 5 });
});

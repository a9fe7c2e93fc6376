import { describe, expectTypeOf, test } from "vitest";
import { memory } from "../engine/memory.ts";
import type { Json } from "../message.ts";
import type { OrmAdapter } from "../model/adapter.ts";
import { Value } from "../value/index.ts";
import type { Foreign } from "../wire/foreign.ts";
import type { Reference } from "../wire/reference.ts";
import { Petiole } from "./petiole.ts";
import type { Portable, Unportable } from "./portable.ts";
import type { TransactionOf } from "./transaction-of.ts";

class Money extends Value("shop.Money", { amount: BigInt, currency: String }) {
  plus(other: Money): this {
    return this.with({ amount: this.amount + other.amount });
  }
}
class Coin extends Value("shop.Coin", { cents: Number }) {}
class Socket {
  port = 1;
  close(): void {}
}
type Comment = { id: number; body: string };
type Question = { id: number; body: string; title: string };

const app = new Petiole({
  engine: memory(),
  values: [Money],
  models: [{} as OrmAdapter<{ "qa.Comment": Comment }>, {} as OrmAdapter<{ "qa.Question": Question }>],
});

type Advice =
  Unportable<"functions never travel: send the data they need; for a class with methods, add the class to the app's `values`, or send ref(…) to its row">;

describe("Portable", () => {
  test("data passes as it is", () => {
    type Data = { a: string; b?: number; c: bigint | null; d: Date; e: Uint8Array; f: readonly [1, "x"] };
    expectTypeOf<Data>().toExtend<Portable<Data>>();
    expectTypeOf<Portable<unknown>>().toBeUnknown();
    expectTypeOf<Map<string, Date>>().toExtend<Portable<Map<string, Date>>>();
    expectTypeOf<{ next?: Comment }>().toExtend<Portable<{ next?: Comment }>>();
  });

  test("what the wire carries as it is passes, methods and all", async () => {
    type Bytes = { a: ArrayBuffer; b: Buffer; c: DataView; d: Float64Array; e: Uint8ClampedArray };
    expectTypeOf<Portable<Bytes>>().toEqualTypeOf<Readonly<Bytes> | Reference<Bytes>>();
    type Texts = { a: URL; b: URLSearchParams; c: Headers; d: RegExp; e?: Foreign | null };
    expectTypeOf<Portable<Texts>>().toEqualTypeOf<Readonly<Texts> | Reference<Texts>>();
    expectTypeOf<Blob>().not.toExtend<Portable<Blob>>();
    expectTypeOf<Request>().not.toExtend<Portable<Request>>();
    await app.task("fetch", (_: URL) => {}).enqueue(new URL("https://example.org"));
  });

  test("a reference wherever a row is wanted, and only to that model's rows", () => {
    expectTypeOf<{ post: Reference<Question> }>().toExtend<Portable<{ post: Question }>>();
    expectTypeOf<{ posts: Reference<Comment>[] }>().toExtend<Portable<{ posts: Comment[] }>>();
    expectTypeOf<{ post: Reference<Comment> }>().not.toExtend<Portable<{ post: Question }>>();
  });

  test("a reference that may be null, only where null is admitted", () => {
    expectTypeOf<{ post: Reference<Comment | null> }>().toExtend<Portable<{ post: Comment | null }>>();
    expectTypeOf<{ post: Reference<Comment> }>().toExtend<Portable<{ post: Comment | null }>>();
    expectTypeOf<{ post: Reference<Comment | null> }>().not.toExtend<Portable<{ post: Comment }>>();
    expectTypeOf(app.ref("qa.Comment", 7, { ifMissing: "null" })).toEqualTypeOf<Reference<Comment | null>>();
    expectTypeOf(app.ref("qa.Comment", 7, { ifMissing: "skip" })).toEqualTypeOf<Reference<Comment>>();
  });

  test("rows that know their model, as they are, methods and all", async () => {
    class Post {
      id = 0;
      publish(): void {}
    }
    const recognising = new Petiole({
      engine: memory(),
      models: [{} as OrmAdapter<{ "qa.Post": Post }, Post>],
    });
    const index = recognising.task("posts.index", ({ post }: { post: Post }) => post.id);
    await index.enqueue({ post: new Post() });
    expectTypeOf<{ post: Post }>().not.toExtend<Portable<{ post: Post }>>();
    recognising.onSave(Post, index, { as: "post", on: "insert", when: (post) => post.id > 1 });
    // @ts-expect-error the payload has no such property
    recognising.onSave(Post, index, { as: "comment" });
    // @ts-expect-error a task needs to know what the row is sent as
    recognising.onSave(Post, index, {});
  });

  test("the transaction of each ORM's handle", () => {
    type Tx = { savepoint: true };
    type Run = (run: (tx: Tx) => Promise<void>) => Promise<void>;
    expectTypeOf<TransactionOf<{ transaction: Run }>>().toEqualTypeOf<Tx>();
    expectTypeOf<TransactionOf<{ $transaction: Run }>>().toEqualTypeOf<Tx>();
    expectTypeOf<TransactionOf<{ transactional: Run }>>().toEqualTypeOf<Tx>();
    expectTypeOf<TransactionOf<{ transaction(): { execute: Run } }>>().toEqualTypeOf<Tx>();
    expectTypeOf<
      TransactionOf<{ transaction(options: object, run: (tx: Tx) => Promise<void>): Promise<void> }>
    >().toEqualTypeOf<Tx>();
    expectTypeOf<TransactionOf<object>>().toBeUnknown();
  });

  test("JSON, and read-only collections", async () => {
    type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };
    const json = {} as JsonValue;
    await app.task("json", (_: JsonValue) => {}).enqueue(json);
    await app.task("json.within", (_: { data: Json }) => {}).enqueue({ data: json });
    expectTypeOf<ReadonlyMap<string, Date>>().toExtend<Portable<ReadonlyMap<string, Date>>>();
    expectTypeOf<Map<string, Set<1>>>().toExtend<Portable<Map<string, Set<1>>>>();
  });

  test("what cannot travel says what to do", () => {
    expectTypeOf<Portable<() => void>>().toEqualTypeOf<Advice>();
    expectTypeOf<Portable<symbol>>().toEqualTypeOf<Unportable<"symbols never travel: send a string">>();
    expectTypeOf<Portable<Promise<1>>>().toEqualTypeOf<
      Unportable<"a Promise does not travel: await it first">
    >();
    expectTypeOf<Socket>().not.toExtend<Portable<Socket>>();
    expectTypeOf<Money>().not.toExtend<Portable<Money>>();
    expectTypeOf<Money>().toExtend<Portable<Money, Money>>();
  });
});

describe("a task", () => {
  const task = app.task(
    "posts.index",
    async ({ post, fee }: { post: Comment | Question; fee?: Money }, job) => {
      expectTypeOf(job.modelOf(post)).toEqualTypeOf<"qa.Comment" | "qa.Question">();
      if (job.isModel(post, "qa.Question")) expectTypeOf(post).toEqualTypeOf<Question>();
      return { words: post.body.length, fee };
    },
  );

  test("its payload and result", async () => {
    const post = app.ref("qa.Comment", 7);
    expectTypeOf(post).toEqualTypeOf<Reference<Comment>>();
    const handle = await task.enqueue({ post, fee: new Money({ amount: 1n, currency: "EUR" }) });
    expectTypeOf(await handle.result()).toEqualTypeOf<{ words: number; fee: Money | undefined }>();
    await task.enqueue({ post: { id: 1, body: "" } }, { delay: "5m" });
    // @ts-expect-error a row of no such model
    app.ref("qa.Answer", 7);
    // @ts-expect-error a function where data is wanted
    await task.enqueue({ post: () => {} });
    // @ts-expect-error no such duration
    await task.enqueue({ post }, { delay: "5 minutes" });
    // @ts-expect-error a payload is needed
    await task.enqueue();
  });

  test("instances of classes that the app does not know are refused", async () => {
    const unknown = app.task("a", (_: { coin: Coin }) => {});
    // @ts-expect-error Coin is not in `values`
    await unknown.enqueue({ coin: new Coin({ cents: 1 }) });
    const socket = app.task("b", (_: { socket: Socket }) => {});
    // @ts-expect-error Socket has methods
    await socket.enqueue({ socket: new Socket() });
    const whole = app.task("c", (_: () => void) => {});
    // @ts-expect-error a function
    await whole.enqueue(() => {});
  });

  test("without a handler it is the contract", async () => {
    const contract = app.task<{ n: number }, Date>("d");
    expectTypeOf(await (await contract.enqueue({ n: 1 })).result()).toEqualTypeOf<Date>();
    contract.run(({ n }) => new Date(n));
    // @ts-expect-error another result
    contract.run(() => 5);
    const plain = app.task("e", () => 1);
    expectTypeOf(await (await plain.enqueue()).result()).toEqualTypeOf<number>();
  });
});

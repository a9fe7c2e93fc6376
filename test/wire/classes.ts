/** The value classes that these tests register, one of each way to make one. @module */
import { anything, optional, value, Value } from "../../src/value/index.ts";
import { storedRows, type RowsEntry } from "../../src/model/index.ts";
import type { ValueEntry } from "../../src/wire/index.ts";

/** By a field table. */
export class Money extends Value("shop.Money", { amount: BigInt, currency: String }) {
  get text(): string {
    return `${this.amount} ${this.currency}`;
  }
}

/** By a field table, others nested in it. */
export class Order extends Value("shop.Order", {
  id: Number,
  total: Money,
  lines: [Money],
  placed: Date,
  note: optional(String),
}) {}

/** Checks each item of a list. */
export class Numbers extends Value("test.Numbers", { list: [Number] }) {}

/** Holds whatever is tested. */
export class Box extends Value("test.Box", { held: anything }) {}

/** Not ours, adopted by fields. */
export class Point {
  x: number;
  y: number;
  constructor(x: number, y: number) {
    this.x = x;
    this.y = y;
  }
}

/** Adopted by a codec: `held` is what stands for it. */
export class Wrapped {
  held: unknown;
  constructor(held: unknown) {
    this.held = held;
  }
}

/** Adopted subclasses of built-ins, which travel once they are registered. */
export class PaymentError extends Error {
  readonly status: number;
  constructor(message: string, status: number) {
    super(message);
    this.name = "PaymentError";
    this.status = status;
  }
}
export class Tally extends Map<string, number> {}
export class Stack extends Array<unknown> {}

export const values: readonly (ValueEntry | RowsEntry)[] = [
  storedRows(),
  Money,
  Order,
  Box,
  Numbers,
  value(Point, {
    name: "geo.Point",
    fields: { x: Number, y: Number },
    create: ({ x, y }) => new Point(x, y),
  }),
  value(Wrapped, {
    name: "test.Wrapped",
    encode: ({ held }) => [held],
    decode: (form: unknown) => {
      if (!Array.isArray(form) || form.length !== 1) throw new TypeError("not one item");
      return new Wrapped(form[0]);
    },
  }),
  value(PaymentError, {
    name: "shop.PaymentError",
    encode: ({ message, status, stack }) => ({ message, status, stack }),
    decode: (form: unknown) => {
      const { message, status, stack } = form as Record<string, unknown>;
      if (typeof message !== "string" || typeof status !== "number" || typeof stack !== "string") {
        throw new TypeError("not a payment's error");
      }
      const error = new PaymentError(message, status);
      return Object.defineProperty(error, "stack", { value: stack, writable: true, configurable: true });
    },
  }),
  value(Tally, {
    name: "test.Tally",
    encode: (tally) => [...tally],
    decode: (form: unknown) => {
      const tally = new Tally();
      for (const entry of form as unknown[]) {
        const [key, count] = entry as unknown[];
        if (typeof key !== "string" || typeof count !== "number") throw new TypeError("not a count");
        tally.set(key, count);
      }
      return tally;
    },
  }),
  value(Stack, {
    name: "test.Stack",
    encode: (stack) => Array.from(stack),
    decode: (form: unknown) => {
      if (!Array.isArray(form)) throw new TypeError("not a list");
      return Stack.from(form as unknown[]) as Stack;
    },
  }),
];

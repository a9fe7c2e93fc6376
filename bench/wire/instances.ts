/** d: 1,000 instances of a class, each with a Date, a bigint and an instance of another class. @module */
import type { Case } from "./case.ts";
import { randomNumbers } from "./random.ts";

export class Money {
  readonly amount: number;
  readonly currency: string;

  constructor(amount: number, currency: string) {
    this.amount = amount;
    this.currency = currency;
  }

  get text(): string {
    return `${this.amount} ${this.currency}`;
  }
}

export class Order {
  readonly id: number;
  readonly customer: string;
  readonly placed: Date;
  readonly points: bigint;
  readonly total: Money;
  readonly status: string;

  constructor(id: number, customer: string, placed: Date, points: bigint, total: Money, status: string) {
    this.id = id;
    this.customer = customer;
    this.placed = placed;
    this.points = points;
    this.total = total;
    this.status = status;
  }

  get isOpen(): boolean {
    return this.status === "open";
  }
}

/** An {@link Order}, JSON-safe. */
export interface PlainOrder {
  id: number;
  customer: string;
  placed: string;
  points: string;
  total: { amount: number; currency: string };
  status: string;
}

/** What a careful person writes, so that JSON can carry it. */
export function orderToPlain(order: Order): PlainOrder {
  return {
    id: order.id,
    customer: order.customer,
    placed: order.placed.toISOString(),
    points: order.points.toString(),
    total: { amount: order.total.amount, currency: order.total.currency },
    status: order.status,
  };
}

/** And the way back. */
export function orderFromPlain({ id, customer, placed, points, total, status }: PlainOrder): Order {
  const money = new Money(total.amount, total.currency);
  return new Order(id, customer, new Date(placed), BigInt(points), money, status);
}

const states = ["open", "paid", "shipped", "closed"] as const;
const currencies = ["EUR", "USD", "GBP"] as const;
const random = randomNumbers();

const made = Array.from(
  { length: 1000 },
  (_, at) =>
    new Order(
      5000 + at,
      `customer ${1000 + at}`,
      new Date(Date.UTC(2025, 0, 1) + random(300 * 86_400_000)),
      BigInt(random(1_000_000)) * 1000n + BigInt(at),
      new Money(random(50_000), currencies[random(currencies.length)]!),
      states[random(states.length)]!,
    ),
);

// As data is that was read somewhere. Texts that are put together here are in pieces at first, and JSON is slow on
// those.
const plain = JSON.parse(JSON.stringify(made.map(orderToPlain))) as PlainOrder[];

export const instances: Case<Order[]> = {
  title: "1,000 class instances",
  value: plain.map(orderFromPlain),
  plain,
  bars: { encode: 0.45, decode: 0.9, bytes: 0.53 },
};

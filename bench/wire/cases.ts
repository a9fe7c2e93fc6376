/** The five payloads, and the codec that is measured. @module */
import { value } from "petiole/value";
import { createWire, type Wire } from "petiole/wire";
import { graph } from "./graph.ts";
import { instances, Money, Order } from "./instances.ts";
import { plainJob } from "./plain-job.ts";
import { plainRows } from "./plain-rows.ts";
import { Address, richJob } from "./rich-job.ts";

export const cases = { a: plainJob, b: plainRows, c: richJob, d: instances, e: graph };

export type CaseName = keyof typeof cases;

const money = value(Money, {
  name: "shop.Money",
  fields: { amount: Number, currency: String },
  create: ({ amount, currency }) => new Money(amount, currency),
});

const order = value(Order, {
  name: "shop.Order",
  fields: { id: Number, customer: String, placed: Date, points: BigInt, total: money, status: String },
  create: ({ id, customer, placed, points, total, status }) =>
    new Order(id, customer, placed, points, total, status),
});

const address = value(Address, {
  name: "shop.Address",
  fields: { street: String, city: String, postcode: String, country: String },
  create: ({ street, city, postcode, country }) => new Address(street, city, postcode, country),
});

/** One for all five, as an app has one. */
export const wire: Wire = createWire({ values: [address, money, order] });

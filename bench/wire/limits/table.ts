import type { Codec } from "../case.ts";
import { Money, Order } from "../instances.ts";

/** For d: the table layout, by code for this one class. */
export const table: Codec = {
  encode: (orders: readonly Order[]) =>
    JSON.stringify(
      orders.map((order) => [
        order.id,
        order.customer,
        order.placed.getTime(),
        order.points.toString(),
        [order.total.amount, order.total.currency],
        order.status,
      ]),
    ),
  decode: (text: string) =>
    (JSON.parse(text) as [number, string, number, string, [number, string], string][]).map(
      ([id, customer, placed, points, [amount, currency], status]) =>
        new Order(id, customer, new Date(placed), BigInt(points), new Money(amount, currency), status),
    ),
};

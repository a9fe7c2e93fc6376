/** The classes of c and d taken apart and made again, for the peers that are told how. @module */
import { Money, Order } from "./instances.ts";
import { Address } from "./rich-job.ts";

type FieldsOf<Instance, Derived extends keyof Instance> = Omit<Instance, Derived>;
export type AddressFields = FieldsOf<Address, "label">;
export type MoneyFields = FieldsOf<Money, "text">;
export type OrderFields = FieldsOf<Order, "isOpen">;

export function fieldsOfAddress({ street, city, postcode, country }: Address): AddressFields {
  return { street, city, postcode, country };
}

export function addressOf({ street, city, postcode, country }: AddressFields): Address {
  return new Address(street, city, postcode, country);
}

export function fieldsOfMoney({ amount, currency }: Money): MoneyFields {
  return { amount, currency };
}

export function moneyOf({ amount, currency }: MoneyFields): Money {
  return new Money(amount, currency);
}

export function fieldsOfOrder({ id, customer, placed, points, total, status }: Order): OrderFields {
  return { id, customer, placed, points, total, status };
}

export function orderOf({ id, customer, placed, points, total, status }: OrderFields): Order {
  return new Order(id, customer, placed, points, total, status);
}

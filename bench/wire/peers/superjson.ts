import { SuperJSON } from "superjson";
import { Money, Order } from "../instances.ts";
import { named, type Peer } from "../peer.ts";
import { Address } from "../rich-job.ts";

const superjson = new SuperJSON();
superjson.registerClass(Address, { identifier: "shop.Address" });
superjson.registerClass(Money, { identifier: "shop.Money" });
superjson.registerClass(Order, { identifier: "shop.Order" });

const codec = {
  encode: (value: unknown) => superjson.stringify(value as never),
  decode: (text: string) => superjson.parse(text),
};

export const superjsonPeer: Peer = {
  name: named("superjson"),
  parts: { a: { codec }, b: { codec }, c: { codec }, d: { codec }, e: { codec } },
};

import { z } from "zod";
import type { Codec } from "../case.ts";
import { addressOf, fieldsOfAddress, fieldsOfMoney, fieldsOfOrder, moneyOf, orderOf } from "../fields.ts";
import { Money, Order } from "../instances.ts";
import { named, type Peer } from "../peer.ts";
import { Address } from "../rich-job.ts";

const date = z.codec(z.iso.datetime(), z.date(), {
  decode: (text) => new Date(text),
  encode: (held) => held.toISOString() as never,
});
const bigint = z.codec(z.string().regex(/^-?\d+$/), z.bigint(), { decode: BigInt, encode: String });

const plainJob = z.object({
  template: z.string(),
  to: z.string(),
  subject: z.string(),
  locale: z.string(),
  attempt: z.number(),
  tracked: z.boolean(),
  urgent: z.boolean(),
  reply: z.string().nullable(),
  order: z.object({
    id: z.number(),
    total: z.number(),
    currency: z.string(),
    carrier: z.string(),
    tracking: z.string(),
    skus: z.array(z.string()),
  }),
});

const plainRows = z.array(
  z.object({
    id: z.number(),
    name: z.string(),
    mail: z.string(),
    status: z.enum(["open", "paid", "shipped", "closed"]),
    total: z.number(),
    quantity: z.number(),
    discount: z.number(),
    active: z.boolean(),
  }),
);

const address = z.codec(
  z.object({ street: z.string(), city: z.string(), postcode: z.string(), country: z.string() }),
  z.instanceof(Address),
  { decode: addressOf, encode: fieldsOfAddress },
);

const richJob = z.object({
  order: z.number(),
  customer: z.string(),
  times: z.object({ placed: date, packed: date, due: date }),
  points: bigint,
  stock: z.codec(z.array(z.tuple([z.string(), z.number()])), z.map(z.string(), z.number()), {
    decode: (entries) => new Map(entries),
    encode: (map) => [...map],
  }),
  flags: z.codec(z.array(z.string()), z.set(z.string()), {
    decode: (items) => new Set(items),
    encode: (set) => [...set],
  }),
  to: address,
  note: z.string(),
  priority: z.number(),
});

const money = z.codec(z.object({ amount: z.number(), currency: z.string() }), z.instanceof(Money), {
  decode: moneyOf,
  encode: fieldsOfMoney,
});

const orders = z.array(
  z.codec(
    z.object({
      id: z.number(),
      customer: z.string(),
      placed: date,
      points: bigint,
      total: money,
      status: z.string(),
    }),
    z.instanceof(Order),
    { decode: orderOf, encode: fieldsOfOrder },
  ),
);

function codec(schema: z.ZodType): Codec {
  return {
    encode: (value: unknown) => JSON.stringify(z.encode(schema, value)),
    decode: (text: string) => z.decode(schema, JSON.parse(text)),
  };
}

export const zodPeer: Peer = {
  name: `${named("zod")} codecs`,
  parts: {
    a: { codec: codec(plainJob) },
    b: { codec: codec(plainRows) },
    c: { codec: codec(richJob) },
    d: { codec: codec(orders) },
    e: "what it gives has the cycles still, and JSON has none",
  },
};

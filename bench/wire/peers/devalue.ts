import { parse, stringify } from "devalue";
import { addressOf, fieldsOfAddress, fieldsOfMoney, fieldsOfOrder, moneyOf, orderOf } from "../fields.ts";
import { Money, Order } from "../instances.ts";
import { named, type Peer } from "../peer.ts";
import { Address } from "../rich-job.ts";

const plain = {
  encode: (value: unknown) => stringify(value),
  decode: (text: string): unknown => parse(text),
};

const reducers = {
  "shop.Address": (value: unknown) => value instanceof Address && fieldsOfAddress(value),
  "shop.Money": (value: unknown) => value instanceof Money && fieldsOfMoney(value),
  "shop.Order": (value: unknown) => value instanceof Order && fieldsOfOrder(value),
};
const revivers = { "shop.Address": addressOf, "shop.Money": moneyOf, "shop.Order": orderOf };

const withClasses = {
  encode: (value: unknown) => stringify(value, reducers),
  decode: (text: string): unknown => parse(text, revivers),
};

export const devaluePeer: Peer = {
  name: named("devalue"),
  parts: {
    a: { codec: plain },
    b: { codec: plain },
    c: { codec: withClasses },
    d: { codec: withClasses },
    e: { codec: plain },
  },
};

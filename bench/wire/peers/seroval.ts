import { createPlugin, fromJSON, toJSON, type SerovalJSON, type SerovalNode } from "seroval";
import { addressOf, fieldsOfAddress, fieldsOfMoney, fieldsOfOrder, moneyOf, orderOf } from "../fields.ts";
import { Money, Order } from "../instances.ts";
import { named, type Peer } from "../peer.ts";
import { Address } from "../rich-job.ts";

// No interface: the library asks for an index signature, which a type alias has.
type Content = { fields: SerovalNode };

function plugin<Instance, Fields extends object>(
  tag: string,
  of: abstract new (...args: never) => Instance,
  fieldsOf: (instance: Instance) => Fields,
  make: (fields: Fields) => Instance,
) {
  return createPlugin<Instance, Content>({
    tag,
    test: (value) => value instanceof of,
    skipPlainObjects: true,
    parse: { sync: (value, context) => ({ fields: context.parse(fieldsOf(value)) }) },
    serialize: () => {
      throw new Error("JSON alone is measured");
    },
    deserialize: ({ fields }, context) => make(context.deserialize(fields)),
  });
}

const plugins = [
  plugin("shop.Address", Address, fieldsOfAddress, addressOf),
  plugin("shop.Money", Money, fieldsOfMoney, moneyOf),
  plugin("shop.Order", Order, fieldsOfOrder, orderOf),
];

const plain = {
  encode: (value: unknown) => JSON.stringify(toJSON(value)),
  decode: (text: string) => fromJSON(JSON.parse(text) as SerovalJSON),
};
const withClasses = {
  encode: (value: unknown) => JSON.stringify(toJSON(value, { plugins })),
  decode: (text: string) => fromJSON(JSON.parse(text) as SerovalJSON, { plugins }),
};

export const serovalPeer: Peer = {
  name: named("seroval"),
  parts: {
    a: { codec: plain },
    b: { codec: plain },
    c: { codec: withClasses },
    d: { codec: withClasses },
    e: { codec: plain },
  },
};

import { addExtension, Packr } from "msgpackr";
import { addressOf, fieldsOfAddress, fieldsOfMoney, fieldsOfOrder, moneyOf, orderOf } from "../fields.ts";
import { Money, Order } from "../instances.ts";
import { named, type Part, type Peer } from "../peer.ts";
import { Address } from "../rich-job.ts";

addExtension({ Class: Address, type: 1, write: fieldsOfAddress, read: addressOf });
addExtension({ Class: Money, type: 2, write: fieldsOfMoney, read: moneyOf });
addExtension({ Class: Order, type: 3, write: fieldsOfOrder, read: orderOf });

function part(options: { moreTypes?: true; structuredClone?: true }): Part {
  const packr = new Packr(options);
  const codec = {
    encode: (value: unknown) => packr.pack(value),
    decode: (bytes: Uint8Array): unknown => packr.unpack(bytes),
  };
  return { codec, note: options.structuredClone ? "binary, with structuredClone for the cycles" : "binary" };
}

const types = part({ moreTypes: true });

export const msgpackrPeer: Peer = {
  name: named("msgpackr"),
  parts: { a: types, b: types, c: types, d: types, e: part({ structuredClone: true }) },
};

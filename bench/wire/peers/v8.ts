import { deserialize, serialize } from "node:v8";
import { cases } from "../cases.ts";
import { fieldsOfAddress, fieldsOfMoney, fieldsOfOrder } from "../fields.ts";
import type { Peer } from "../peer.ts";

const codec = {
  encode: (value: unknown) => serialize(value),
  decode: (bytes: Uint8Array): unknown => deserialize(bytes),
};

const note = "binary";
const lossy = "binary; the classes are lost, plain objects arrive";

export const v8Peer: Peer = {
  name: `v8.serialize (node ${process.versions.node})`,
  parts: {
    a: { codec, note },
    b: { codec, note },
    c: { codec, note: lossy, arrives: { ...cases.c.value, to: fieldsOfAddress(cases.c.value.to) } },
    d: {
      codec,
      note: lossy,
      arrives: cases.d.value.map((order) => ({ ...fieldsOfOrder(order), total: fieldsOfMoney(order.total) })),
    },
    e: { codec, note },
  },
};

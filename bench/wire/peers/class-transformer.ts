import "reflect-metadata";
import { instanceToPlain, plainToInstance, Transform, Type } from "class-transformer";
import type { Codec } from "../case.ts";
import { cases } from "../cases.ts";
import { Money, Order } from "../instances.ts";
import { named, type Peer } from "../peer.ts";
import { Address } from "../rich-job.ts";

// Classes to hang the rules on: plain objects have none.
class PlainJob {
  declare order: object;
}
class PlainRow {
  declare id: number;
}
class RichJob {
  declare times: Times;
}
class Times {
  declare due: Date;
}

// As decorators, `@Type(() => Date)`; called, for they are no syntax that can be erased.
type Class = abstract new (...args: never) => object;

function holds(of: Class, field: string, type: () => new (...args: never) => unknown): void {
  Type(type as () => new () => unknown)(of.prototype, field);
}

/** A field that JSON has no form for. */
function converts<Held, Plain>(
  of: Class,
  field: string,
  toPlain: (held: Held) => Plain,
  toHeld: (plain: Plain) => Held,
): void {
  Transform(({ value }) => toPlain(value), { toPlainOnly: true })(of.prototype, field);
  Transform(({ value }) => toHeld(value), { toClassOnly: true })(of.prototype, field);
}

holds(Order, "placed", () => Date);
holds(Order, "total", () => Money);
converts(Order, "points", String, (digits: string) => BigInt(digits));
holds(RichJob, "times", () => Times);
for (const field of ["placed", "packed", "due"]) holds(Times, field, () => Date);
holds(RichJob, "to", () => Address);
converts(RichJob, "points", String, (digits: string) => BigInt(digits));
converts(
  RichJob,
  "stock",
  (map: Map<string, number>) => [...map],
  (entries) => new Map(entries),
);
converts(
  RichJob,
  "flags",
  (set: Set<string>) => [...set],
  (items) => new Set(items),
);

function codec(of: new (...args: never) => object): Codec {
  return {
    encode: (value: object) => JSON.stringify(instanceToPlain(value)),
    decode: (text: string) => plainToInstance(of as new () => object, JSON.parse(text)),
  };
}

const job: object = Object.assign(new RichJob(), cases.c.value, {
  times: Object.assign(new Times(), cases.c.value.times),
});

export const classTransformerPeer: Peer = {
  name: named("class-transformer"),
  parts: {
    a: { codec: codec(PlainJob), sends: Object.assign(new PlainJob(), cases.a.value) },
    b: { codec: codec(PlainRow), sends: cases.b.value.map((row) => Object.assign(new PlainRow(), row)) },
    c: { codec: codec(RichJob), sends: job },
    d: { codec: codec(Order) },
    e: "it has no way to say a cycle: with enableCircularCheck the way back is left out",
  },
};

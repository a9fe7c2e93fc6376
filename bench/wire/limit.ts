/**
 * What a codec without identity would cost at the least: a scan that allocates nothing and remembers no object, or
 * the tags written with no look at anything else, and then the native `JSON.stringify`. Not of use to anyone: it
 * checks little, and a second place of one object becomes a second object.
 *
 * @module
 */
import type { Codec } from "./case.ts";
import type { CaseName } from "./cases.ts";
import type { Node } from "./graph.ts";
import { Money, Order } from "./instances.ts";
import { Address } from "./rich-job.ts";

/** For a and b: whether all of it is plain, then JSON. Back: whether the text has a tag anywhere, then JSON. */
const plainData: Codec = {
  encode(value: unknown) {
    if (!isPlain(value)) throw new TypeError("not plain");
    return JSON.stringify(value);
  },
  decode(text: string) {
    if (text.includes("__type__")) throw new TypeError("not plain");
    return JSON.parse(text);
  },
};

/** The tests of an item are written out in both loops: that is what makes it fast. */
function isPlain(value: unknown): boolean {
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++) {
      const item: unknown = value[at];
      if (typeof item === "string" || typeof item === "boolean" || item === null) continue;
      if (typeof item === "number" ? !isJsonNumber(item) : typeof item !== "object" || !isPlain(item))
        return false;
    }
    return true;
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) return false;
  for (const key in value as object) {
    const item = (value as Record<string, unknown>)[key];
    if (typeof item === "string" || typeof item === "boolean" || item === null) continue;
    if (typeof item === "number" ? !isJsonNumber(item) : typeof item !== "object" || !isPlain(item))
      return false;
  }
  return true;
}

function isJsonNumber(value: number): boolean {
  return value - value === 0 && (value !== 0 || 1 / value > 0);
}

/** For c: a copy with the tags in it, then JSON. Back: JSON, then a walk that puts values in their places. */
const tags: Codec = {
  encode: (value: unknown) => JSON.stringify(tagged(value)),
  decode: (text: string) => untagged(JSON.parse(text)),
};

function tagged(value: unknown): unknown {
  if (typeof value === "bigint") return tag("bigint", value.toString());
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Date) return tag("datetime", `${value.toISOString().slice(0, -1)}+00:00`);
  if (value instanceof Map) return tag("map", Array.from(value, tagged));
  if (value instanceof Set) return tag("set", Array.from(value, tagged));
  if (Array.isArray(value)) return value.map(tagged);
  if (value instanceof Address) {
    const { street, city, postcode, country } = value;
    return tag("shop.Address", { street, city, postcode, country });
  }
  const copy: Record<string, unknown> = {};
  for (const key in value) copy[key] = tagged((value as Record<string, unknown>)[key]);
  return copy;
}

function tag(type: string, content: unknown): object {
  return { __type__: type, __value__: content };
}

function untagged(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++) value[at] = untagged(value[at]);
    return value;
  }
  const { __type__: type, __value__: content } = value as { __type__?: string; __value__?: unknown };
  if (type === undefined) {
    const object = value as Record<string, unknown>;
    for (const key in object) object[key] = untagged(object[key]);
    return object;
  }
  if (type === "bigint") return BigInt(content as string);
  if (type === "datetime") return new Date(content as string);
  if (type === "map") return new Map(untagged(content) as [unknown, unknown][]);
  if (type === "set") return new Set(untagged(content) as unknown[]);
  const { street, city, postcode, country } = content as Address;
  return new Address(street, city, postcode, country);
}

/** For d: the table layout, by code for this one class. */
const rows: Codec = {
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

type Cells = [name: string, parent: number | null, children: number[]];

/** For e, where nothing ends without identity: a flat list by code for this one graph, with one Map. */
const nodes: Codec = {
  encode(root: Node) {
    const places = new Map<Node, number>([[root, 0]]);
    const list: Cells[] = [];
    // A Map goes on to what is added to it meanwhile.
    for (const { name, parent, children } of places.keys()) {
      const row: Cells = [name, parent && places.get(parent)!, []];
      for (const child of children) {
        row[2].push(places.size);
        places.set(child, places.size);
      }
      list.push(row);
    }
    return JSON.stringify(list);
  },
  decode(text: string) {
    const list = JSON.parse(text) as Cells[];
    const made = list.map(([name]): Node => ({ name, parent: null, children: [] }));
    for (const [at, [, parent, children]] of list.entries()) {
      const node = made[at]!;
      if (parent !== null) node.parent = made[parent]!;
      for (const child of children) node.children.push(made[child]!);
    }
    return made[0];
  },
};

export const limits: Readonly<Record<CaseName, Codec>> = {
  a: plainData,
  b: plainData,
  c: tags,
  d: rows,
  e: nodes,
};

/** c: a small job with Dates, a bigint, a Map, a Set and an instance. @module */
import type { Case } from "./case.ts";

export class Address {
  readonly street: string;
  readonly city: string;
  readonly postcode: string;
  readonly country: string;

  constructor(street: string, city: string, postcode: string, country: string) {
    this.street = street;
    this.city = city;
    this.postcode = postcode;
    this.country = country;
  }

  get label(): string {
    return `${this.street}, ${this.postcode} ${this.city}, ${this.country}`;
  }
}

const value = {
  order: 81234,
  customer: "ada@example.org",
  times: {
    placed: new Date("2025-11-20T09:15:30.250Z"),
    packed: new Date("2025-11-21T14:02:11.008Z"),
    due: new Date("2025-11-24T17:00:00.000Z"),
  },
  points: 90071992547n,
  stock: new Map([
    ["CEL-100", 14],
    ["CEL-220", 3],
  ]),
  flags: new Set(["gift", "fragile", "tracked"]),
  to: new Address("12 Stalk Lane", "Leafham", "LF1 4CE", "GB"),
  note: "Ring the bell twice",
  priority: 5,
};

export type RichJob = typeof value;
/** Its JSON-safe equivalent. */
export interface PlainRichJob {
  order: number;
  customer: string;
  times: { placed: string; packed: string; due: string };
  points: string;
  stock: [string, number][];
  flags: string[];
  to: { street: string; city: string; postcode: string; country: string };
  note: string;
  priority: number;
}

/** What a careful person writes, so that JSON can carry it. */
export function richJobToPlain(job: RichJob): PlainRichJob {
  return {
    order: job.order,
    customer: job.customer,
    times: {
      placed: job.times.placed.toISOString(),
      packed: job.times.packed.toISOString(),
      due: job.times.due.toISOString(),
    },
    points: job.points.toString(),
    stock: [...job.stock],
    flags: [...job.flags],
    to: {
      street: job.to.street,
      city: job.to.city,
      postcode: job.to.postcode,
      country: job.to.country,
    },
    note: job.note,
    priority: job.priority,
  };
}

/** And the way back. */
export function richJobFromPlain(plain: PlainRichJob): RichJob {
  const { street, city, postcode, country } = plain.to;
  return {
    order: plain.order,
    customer: plain.customer,
    times: {
      placed: new Date(plain.times.placed),
      packed: new Date(plain.times.packed),
      due: new Date(plain.times.due),
    },
    points: BigInt(plain.points),
    stock: new Map(plain.stock),
    flags: new Set(plain.flags),
    to: new Address(street, city, postcode, country),
    note: plain.note,
    priority: plain.priority,
  };
}

export const richJob: Case<RichJob> = {
  title: "a small rich job",
  value,
  plain: richJobToPlain(value),
  bars: { encode: 0.25, decode: 0.4, bytes: 1.7 },
};

/** b: 1,000 plain rows. @module */
import type { Case } from "./case.ts";
import { randomNumbers } from "./random.ts";

const states = ["open", "paid", "shipped", "closed"] as const;
const random = randomNumbers();

const rows = Array.from({ length: 1000 }, (_, at) => ({
  id: 5000 + at,
  name: `Customer number ${at}`,
  mail: `customer-${at}@example.org`,
  status: states[random(states.length)]!,
  total: random(50_000) / 100,
  quantity: random(20),
  discount: random(30),
  active: random(3) > 0,
}));

// As data is that was read somewhere. Texts that are put together here are in pieces at first, and JSON is slow on
// those.
const value = JSON.parse(JSON.stringify(rows)) as typeof rows;

export const plainRows: Case<typeof value> = {
  title: "1,000 plain rows",
  value,
  plain: value,
  bars: { encode: 0.6, decode: 0.9, bytes: 1 },
};

/** b: 1,000 plain rows. @module */
import type { Case } from "./case.ts";
import { randomNumbers } from "./random.ts";

const states = ["open", "paid", "shipped", "closed"] as const;
const random = randomNumbers();

const value = Array.from({ length: 1000 }, (_, at) => ({
  id: 5000 + at,
  customer: `customer number ${at}`,
  status: states[random(states.length)]!,
  total: random(50_000) / 100,
  quantity: random(20),
  currency: random(4) > 0 ? "EUR" : "USD",
  active: random(3) > 0,
  reference: `ORD-${70_000 + 7 * at}`,
}));

export const plainRows: Case<typeof value> = {
  title: "1,000 plain rows",
  value,
  plain: value,
  bars: { encode: 0.6, decode: 0.9, bytes: 1 },
};

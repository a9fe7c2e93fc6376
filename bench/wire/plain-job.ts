/** a: the small plain job that most jobs are. @module */
import type { Case } from "./case.ts";

const value = {
  template: "order-shipped",
  to: "ada.lovelace@example.org",
  subject: "Your order 81234 has been shipped",
  locale: "en-GB",
  attempt: 1,
  tracked: true,
  urgent: false,
  reply: null,
  order: {
    id: 81234,
    total: 129.9,
    currency: "EUR",
    carrier: "Northern Parcel Service",
    tracking: "NP-2210-4471-93",
    skus: ["CEL-100", "CEL-220", "CEL-317"],
  },
};

export const plainJob: Case<typeof value> = {
  title: "a small plain job",
  value,
  plain: value,
  bars: { encode: 0.55, decode: 0.9, bytes: 1 },
};

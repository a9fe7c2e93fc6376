import type { Capabilities } from "../../engine.ts";

/** What the BullMQ engine can do. */
export const capabilities: Capabilities = {
  durable: true,
  shared: true,
  lacks: { sameDatabase: "Redis takes no part in a transaction of your database; use the outbox" },
};

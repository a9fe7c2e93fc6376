import type { Capabilities } from "../../engine.ts";

/** What the memory engine can do. */
export const capabilities: Capabilities = {
  durable: false,
  shared: false,
  lacks: { sameDatabase: "what it holds is in no database" },
};

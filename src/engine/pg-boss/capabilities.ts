import type { Capabilities } from "../../engine.ts";

/** What the pg-boss engine can do. */
export const capabilities: Capabilities = { durable: true, shared: true, lacks: {} };

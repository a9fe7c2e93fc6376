import type { Capabilities } from "../../engine.ts";

/** What the SQLite engine can do, on a file of its own. */
export const capabilities: Capabilities = {
  durable: true,
  shared: true,
  lacks: {
    sameDatabase:
      "its file is its own. Where your own connection is a node:sqlite one, the engine's tables may lie in your " +
      'database: sqlite("your.db", { sameDatabase: true })',
  },
};

/** What it can do with an option, by the option. */
export const variants = {
  sameDatabase: { ...capabilities, lacks: {} },
} as const satisfies Readonly<Record<string, Capabilities>>;

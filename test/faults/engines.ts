/** The engines that faults are done to: the modules of `test/engines`, and what is to be known of each. @module */
import { existsSync } from "node:fs";
import { scripts } from "../../src/engine/bullmq/scripts.ts";
import type { EngineModule } from "../engines/engine-store.ts";

/** What a fault must know of an engine. */
export interface Traits {
  /** Within how many milliseconds the task of a killed worker runs elsewhere, by default. */
  readonly recovery: number;
  /**
   * Whose clock leases are told by: the server's, or each process's own, which on one machine are the same.
   */
  readonly clock: "server" | "machine";
  /** What passes to the server when something is asked of it; none where there is no server. */
  readonly requests?: Readonly<Record<Request, RegExp>>;
}

/** What is asked of a server. */
export type Request = "send" | "claim" | "settle";

const traits: Readonly<Record<string, Traits>> = {
  sqlite: { recovery: 2000, clock: "machine" },
  bullmq: {
    recovery: 20_000,
    clock: "server",
    requests: {
      send: new RegExp(scripts.send.hash),
      claim: new RegExp(scripts.claim.hash),
      settle: new RegExp(scripts.settle.hash),
    },
  },
  "pg-boss": {
    recovery: 20_000,
    clock: "server",
    requests: { send: /\.send\(/, claim: /\.claim\(/, settle: /\.settle\(/ },
  },
};

/** The engines that there is a module for. */
export const engineNames: readonly string[] = Object.keys(traits).filter((name) => existsSync(fileOf(name)));

/** What is to be known of an engine. */
export function traitsOf(name: string): Traits {
  const found = traits[name];
  if (found) return found;
  throw new Error(`There are no faults for an engine ${name}: there are ${Object.keys(traits).join(", ")}.`);
}

/** Its module. */
export async function loadEngine(name: string): Promise<EngineModule> {
  return (await import(fileOf(name).href)) as EngineModule;
}

function fileOf(name: string): URL {
  return new URL(`../engines/${name}.ts`, import.meta.url);
}

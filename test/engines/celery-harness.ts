/**
 * The Celery engine for `engineContract`, over either broker.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import type { Engine } from "../../src/engine.ts";
import type { Json } from "../../src/message.ts";
import type { EngineContractOptions } from "../../src/testing/engine-contract.ts";
import type { EngineStore } from "./engine-store.ts";

/** Harnesses of engines of a module. */
export function harness(
  name: string,
  open: (config: Json) => Engine,
  store: () => EngineStore,
  more: () => object = () => ({}),
): EngineContractOptions["create"] {
  const module = fileURLToPath(new URL(`${name}.ts`, import.meta.url));
  return async () => {
    const config = { ...((await store().fresh()) as object), ...more() } as Json;
    const engines = [open(config)];
    return {
      engine: engines[0]!,
      another: () => {
        const engine = open(config);
        engines.push(engine);
        return engine;
      },
      elsewhere: { module, config },
      interrupt: () => store().restart!(100),
      close: async () => {
        await Promise.all(engines.map((engine) => engine.close()));
      },
    };
  };
}

/**
 * What `engineContract` needs of an engine that a module beside this one opens.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import type { Engine } from "../../src/engine.ts";
import type { Json } from "../../src/message.ts";
import type { EngineContractOptions } from "../../src/testing/engine-contract.ts";
import type { EngineStore } from "./engine-store.ts";

/** Where one engine's harness differs. */
export interface HarnessOptions {
  /** What goes into each config beside what the store has; made anew for each test. */
  readonly more?: () => object;
  /** What goes into the config of an instance whose silence is as short as can be. */
  readonly impatience?: object;
  /** Cuts the engines of a config off; unless told, the store's server is killed and started again. */
  readonly interrupt?: (config: Json, downFor?: number) => Promise<void>;
}

/**
 * Harnesses of engines of a module.
 *
 * @param name the module's, `bullmq` for `bullmq.ts`: other processes import it
 */
export function harness(
  name: string,
  open: (config: Json) => Engine,
  store: () => EngineStore,
  { more, impatience, interrupt = (_, downFor = 100) => store().restart!(downFor) }: HarnessOptions = {},
): EngineContractOptions["create"] {
  const module = fileURLToPath(new URL(`${name}.ts`, import.meta.url));
  return async () => {
    const fresh = await store().fresh();
    const config = more === undefined ? fresh : ({ ...(fresh as object), ...more() } as Json);
    const engines = [open(config)];
    const opened = (config: Json): Engine => {
      const engine = open(config);
      engines.push(engine);
      return engine;
    };
    return {
      engine: engines[0]!,
      another: () => opened(config),
      impatient: () => opened({ ...(config as object), ...impatience } as Json),
      elsewhere: { module, config },
      interrupt: (downFor) => interrupt(config, downFor),
      close: async () => {
        await Promise.all(engines.map((engine) => engine.close()));
      },
    };
  };
}

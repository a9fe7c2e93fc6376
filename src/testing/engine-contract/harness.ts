/**
 * What `engineContract` asks for of the engine under test.
 *
 * @module
 */
import type { Engine } from "../../engine.ts";
import type { Json } from "../../message.ts";

/** An engine on storage of its own, for one test. */
export interface EngineHarness {
  readonly engine: Engine;
  /**
   * Another instance on the same storage, as another process would have. Needed when the engine says that it is
   * `shared` or `durable`. The harness closes it.
   */
  readonly another?: () => Engine;
  /** How other processes open it. Without it, the tests that need several processes are skipped. */
  readonly elsewhere?: Elsewhere;
  /**
   * Cuts all connections of these engines to their server, or stops the server and starts it again; resolves when
   * the server can be reached. Without it, the tests of what follows are skipped.
   */
  readonly interrupt?: () => Promise<void>;
  /** Closes the engines and removes the storage. */
  close(): Promise<void>;
}

/** How another process opens an engine on the same storage. */
export interface Elsewhere {
  /** The URL of a module, or its absolute path, that exports a function `open`: from `config` to an engine. */
  readonly module: string;
  readonly config: Json;
}

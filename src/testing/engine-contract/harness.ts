/**
 * What `engineContract` asks for of the engine under test.
 *
 * @module
 */
import type { Engine } from "../../engine.ts";
import type { Json } from "../../message.ts";

/** An engine on storage of its own, for one test. */
export interface EngineHarness {
  /** The one under test. The harness closes it. */
  readonly engine: Engine;
  /**
   * Another instance on the same storage, as another process would have. Needed when the engine says that it is
   * `shared` or `durable`. The harness closes it.
   */
  readonly another?: () => Engine;
  /** How other processes open it. Without it, the tests that need several processes are skipped. */
  readonly elsewhere?: Elsewhere;
  /**
   * As `another`, with the shortest {@link Engine.silence} that can be set. Where the engine has one, the tests of what
   * follows it take that long.
   */
  readonly impatient?: () => Engine;
  /**
   * Cuts all connections of these engines to their server, or stops the server and starts it again; resolves when
   * the server can be reached. Where `downFor` is given, it cannot be for that long, in milliseconds. Without it, the
   * tests of what follows are skipped.
   */
  readonly interrupt?: (downFor?: number) => Promise<void>;
  /** Closes the engines and removes the storage. */
  close(): Promise<void>;
}

/** How another process opens an engine on the same storage. */
export interface Elsewhere {
  /** The URL of a module, or its absolute path, that exports a function `open`: from `config` to an engine. */
  readonly module: string;
  /** What `open` is given. */
  readonly config: Json;
}

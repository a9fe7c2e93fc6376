/**
 * Whether the file that is open is still the one of its name.
 *
 * A file that was removed or replaced goes on to take what is written to it, and is gone with the last process that has
 * it open: what it accepted would be lost.
 *
 * @module
 */
import { statSync } from "node:fs";
import { PetioleError } from "../../errors.ts";

/** Looks no more often than this, in milliseconds. */
const interval = 100;

/** The file as it was when it was opened. */
export class Original {
  readonly #path: string;
  readonly #identity: string | undefined;
  #lookedAt = performance.now();

  /** To be made right after the file was opened. */
  constructor(path: string) {
    this.#path = path;
    this.#identity = identityOf(path);
  }

  /** Whether it is. */
  get isThere(): boolean {
    try {
      this.check();
      return true;
    } catch {
      return false;
    }
  }

  /** @throws PetioleError `ERR_ENGINE_FILE_INVALID` where another file has its name, or none */
  check(): void {
    const now = performance.now();
    if (now - this.#lookedAt < interval) return;
    const identity = identityOf(this.#path);
    if (identity === this.#identity) {
      this.#lookedAt = now;
      return;
    }
    throw new PetioleError(
      "ERR_ENGINE_FILE_INVALID",
      `SQLite engine: ${this.#path} was ${identity === undefined ? "removed" : "replaced"} while this process has it open. ` +
        "Nothing more is accepted, for it would be lost. Stop all processes on the file before you move one in; restart this one.",
    );
  }
}

function identityOf(path: string): string | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found && `${found.dev} ${found.ino}`;
}

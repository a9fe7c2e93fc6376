/**
 * Finding workers that have died, long before their leases run out.
 *
 * @module
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Claims } from "./claims.ts";
import type { Committer } from "./committer.ts";
import { holdersFolder, leftBehind, type Holder } from "./holder.ts";

/** How often the others are looked at, in milliseconds; a little less, so that not all look at once. */
const interval = 1000;

/** So many locks are looked at in one turn of the event loop, each taking a tenth of a millisecond. */
const lookedAtOnce = 20;

const isHolder = /^[0-9a-f]{16}$/;

/** Looks at the locks of those who claim from the same file, and ends the leases of the dead. */
export class Liveness {
  readonly #folder: string;
  readonly #holder: Holder;
  readonly #claims: Claims;
  readonly #committer: Committer;
  #timer: NodeJS.Timeout | undefined;
  #state: "new" | "looking" | "stopped" = "new";

  /** @param path - the engine's file */
  constructor(path: string, holder: Holder, claims: Claims, committer: Committer) {
    this.#folder = holdersFolder(path);
    this.#holder = holder;
    this.#claims = claims;
    this.#committer = committer;
  }

  /** Begins to look; safe to call again. */
  start(): void {
    if (this.#state !== "new") return;
    this.#state = "looking";
    this.#plan(0);
  }

  stop(): void {
    this.#state = "stopped";
    clearTimeout(this.#timer);
  }

  #plan(pause: number): void {
    if (this.#state === "stopped") return;
    this.#timer = setTimeout(() => void this.#look(), pause).unref();
  }

  async #look(): Promise<void> {
    let count = 0;
    for (const name of namesIn(this.#folder)) {
      if (name === this.#holder.name) continue;
      if (++count % lookedAtOnce === 0)
        await new Promise((resolve) => {
          setImmediate(resolve);
        });
      if (this.#state === "stopped") return;
      await this.#lookAt(name);
    }
    this.#plan(interval * (0.75 + Math.random() / 4));
  }

  async #lookAt(name: string): Promise<void> {
    const dead = leftBehind(join(this.#folder, name));
    if (dead === undefined) return;
    try {
      // Nothing comes after its death, so that what is not there now never will be.
      if (this.#claims.isHolding(name)) {
        await this.#committer.run("ending the leases of a worker that died", (changes) => {
          // One that lives may have begun just now, and made its lock anew: before it claimed anything.
          if (dead.isThere()) this.#claims.lapse(name, changes);
        });
      }
      // Only now: where the file is missing, nobody would look again.
      dead.remove();
    } catch {
      // Busy, or closed: the next look, of any process, will do it.
      dead.leave();
    }
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => isHolder.test(name));
  } catch {
    return []; // nobody has claimed yet
  }
}

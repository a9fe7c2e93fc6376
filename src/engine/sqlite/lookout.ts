/**
 * Looking for what other processes have changed.
 *
 * @module
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Bell } from "./bell.ts";

/** How a {@link Lookout} looks. Times in milliseconds. */
export interface LookoutOptions {
  /** How often to look even though no bell rang. */
  readonly interval: number;
  /** Whether the process shall live as long as this is looking. */
  readonly keepsAlive: boolean;
  /** How long to rest at least between two looks. Default: 1. */
  readonly rest?: number;
  readonly look: () => void | Promise<void>;
}

/**
 * Looks when another process has rung a bell, and every now and then in any case. After each look it rests four
 * times as long as that took, so that it never takes the process over; what rings meanwhile is looked after then.
 */
export class Lookout {
  readonly #bell: Bell;
  readonly #options: LookoutOptions;
  readonly #version: StatementSync;
  #seen: unknown;
  #poll: NodeJS.Timeout | undefined;
  #resting = false;
  #rang = false;
  #wanted = false;

  constructor(database: DatabaseSync, bell: Bell, options: LookoutOptions) {
    this.#bell = bell;
    this.#options = options;
    this.#version = database.prepare("PRAGMA data_version");
  }

  /** Starts looking; safe to call again. */
  start(): void {
    this.#bell.listen(() => this.#heard());
    if (this.#poll !== undefined) return;
    const poll = setInterval(() => {
      this.#bell.listen(() => this.#heard());
      this.look();
    }, this.#options.interval);
    this.#poll = this.#options.keepsAlive ? poll : poll.unref();
  }

  stop(): void {
    this.#bell.stop();
    clearInterval(this.#poll);
    this.#poll = undefined;
  }

  /** Looks now, or once it has rested from the last look. */
  look(): void {
    if (this.#poll === undefined) return;
    this.#wanted = true;
    if (!this.#resting) void this.#look();
  }

  #heard(): void {
    this.#rang = true;
    if (this.#resting) return;
    this.#rang = false;
    if (this.#hasChanged()) this.look();
  }

  /** Whether another connection has written since: a process hears its own rings too. */
  #hasChanged(): boolean {
    try {
      const version = this.#version.get()?.["data_version"];
      const changed = version !== this.#seen;
      this.#seen = version;
      return changed;
    } catch {
      return true; // Busy: look all the same.
    }
  }

  async #look(): Promise<void> {
    this.#resting = true;
    this.#wanted = false;
    const before = performance.now();
    await this.#options.look();
    const rest = Math.max(this.#options.rest ?? 1, (performance.now() - before) * 4);
    setTimeout(() => {
      this.#resting = false;
      if (this.#wanted) this.look();
      else if (this.#rang) this.#heard();
    }, rest).unref();
  }
}

/**
 * Takes messages out of one Redis as they come, from whichever channels somebody waits for.
 *
 * @module
 */
import { Pause } from "../engine/shared/pause.ts";
import { isRefusal } from "../engine/shared/redis/answer.ts";
import type { Link } from "../engine/shared/redis/link.ts";
import { refused, unreachable } from "./errors.ts";
import type { Shard } from "./shard.ts";
import * as scripts from "./scripts.ts";

/** For how many seconds it waits in Redis at a time, after which a connection that is dead is noticed. */
const block = 5;
/** And where it may not be interrupted: the server does not tell a connection's number. */
const shortBlock = 1;
/** In milliseconds: a server that says nothing more is not waited for when nothing more is wanted. */
const lastWait = 1500;

/** Who waits for messages. */
export interface Takers {
  /** The keys that somebody waits for. */
  readonly wanted: () => readonly string[];
  /** Hands a message over. False when nobody waits for it any more. */
  readonly deliver: (key: string, entry: Uint8Array) => boolean;
  /** Whether Python's workers may have left something behind that they had taken. */
  readonly restores: (key: string) => boolean;
  readonly failed: (error: unknown, entry?: { readonly key: string; readonly bytes: Uint8Array }) => void;
}

export interface PullerSettings {
  /** In milliseconds. */
  readonly timeout: number;
  /** In seconds. */
  readonly expiry: number;
}

/** See above. One command waits for all channels at once; it is interrupted when they are others. */
export class Puller {
  readonly #shard: Shard;
  readonly #takers: Takers;
  readonly #settings: PullerSettings;
  readonly #link: Link;
  readonly #done: Promise<void>;
  readonly #restored = new Set<string>();
  /** The connection's number in Redis. */
  #id: string | undefined;
  #knowsNoId = false;
  /** What is waited for in Redis just now. */
  #blocked: { readonly keys: readonly string[] } | undefined;
  #interrupting = false;
  /** What is under way, until all that it has taken is handed over or given back. */
  #pulling: { readonly keys: readonly string[]; readonly done: Promise<void> } | undefined;
  #turn = 0;
  #stopped = false;
  #awayFrom: number | undefined;
  #told: string | undefined;
  readonly #pause = new Pause();

  constructor(shard: Shard, takers: Takers, settings: PullerSettings) {
    this.#shard = shard;
    this.#takers = takers;
    this.#settings = settings;
    this.#link = shard.link();
    this.#link.keepAlive(false);
    this.#link.listen({
      ready: () => {
        this.#id = undefined;
        this.#restored.clear();
        this.#pause.end();
      },
    });
    this.#done = this.#run();
  }

  /** What is wanted has changed. */
  changed(): void {
    this.#pause.end();
    if (this.#blocked !== undefined && this.#isStale(this.#blocked.keys)) void this.#interrupt();
  }

  /** Resolves once what nobody wants any more is not waited for, and what has come of it is given back. */
  async settled(): Promise<void> {
    if (this.#pulling === undefined || !this.#isStale(this.#pulling.keys)) return;
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const hurry = setTimeout(resolve, lastWait);
    await Promise.race([this.#pulling.done, late]);
    clearTimeout(hurry);
  }

  /** Stops. What comes meanwhile is given back. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#pause.end();
    if (this.#blocked !== undefined) void this.#interrupt();
    const hurry = setTimeout(() => this.#link.close(), lastWait);
    await this.#done;
    clearTimeout(hurry);
    this.#link.close();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      if (!this.#link.isReady) {
        this.#tellAway();
        await this.#pause.for(500);
        continue;
      }
      this.#awayFrom = undefined;
      const keys = this.#inTurn(this.#takers.wanted());
      if (keys.length === 0) {
        await this.#pause.for(60_000);
        continue;
      }
      this.#pulling = { keys, done: this.#pull(keys) };
      await this.#pulling.done;
      this.#pulling = undefined;
    }
  }

  async #pull(keys: readonly string[]): Promise<void> {
    const blocked = { keys };
    let late: NodeJS.Timeout | undefined;
    try {
      await this.#restore(keys);
      await this.#identify();
      if (this.#stopped || this.#isStale(keys)) return;
      const seconds = this.#id === undefined ? shortBlock : block;
      late = setTimeout(() => this.#link.renew(), seconds * 1000 + this.#settings.timeout).unref();
      this.#blocked = blocked;
      const reply = await this.#link.send(["BZPOPMIN", ...keys, String(seconds)]);
      this.#told = undefined;
      if (Array.isArray(reply)) await this.#deliver(reply as readonly unknown[]);
    } catch (error) {
      if (this.#stopped) return;
      if (!isRefusal(error)) await this.#pause.for(100);
      else {
        this.#tell(refused("receiving", error));
        await this.#pause.for(1000);
      }
    } finally {
      clearTimeout(late);
      this.#blocked = undefined;
    }
  }

  async #deliver([key, entry, score]: readonly unknown[]): Promise<void> {
    const name = String(key);
    const bytes = entry as Uint8Array;
    this.#blocked = undefined;
    if (!this.#takers.deliver(name, bytes)) {
      const parameters = [String(score), bytes, String(this.#settings.expiry)];
      await this.#shard
        .run("giving a message back", scripts.add, [name], parameters)
        .catch((error: unknown) => this.#takers.failed(error, { key: name, bytes }));
    }
    // Whoever got it may want the next at once.
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }

  /** What workers of Python's had taken when they died is put back, once: they do so whenever they look. */
  async #restore(keys: readonly string[]): Promise<void> {
    for (const key of keys) {
      if (this.#restored.has(key) || !this.#takers.restores(key)) continue;
      const places = [key, `${key}$inflight`];
      await this.#link.send(["EVAL", scripts.restore, "2", ...places, String(this.#settings.expiry)]);
      this.#restored.add(key);
    }
  }

  async #identify(): Promise<void> {
    if (this.#id !== undefined || this.#knowsNoId) return;
    try {
      this.#id = String(await this.#link.send(["CLIENT", "ID"]));
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.#knowsNoId = true;
    }
  }

  /** Ends the wait in Redis: what has come until then is delivered. */
  async #interrupt(): Promise<void> {
    const blocked = this.#blocked;
    if (this.#interrupting || this.#id === undefined) return;
    this.#interrupting = true;
    try {
      // It may not have begun to wait there.
      while (this.#blocked === blocked) {
        const ended = await this.#shard.call("interrupting", ["CLIENT", "UNBLOCK", this.#id]);
        if (ended === 1) break;
        await sleep(2);
      }
    } catch {
      // It ends by itself, a little later.
    } finally {
      this.#interrupting = false;
    }
    const { keys } = this.#blocked ?? { keys: undefined };
    if (this.#blocked !== blocked && keys !== undefined && (this.#stopped || this.#isStale(keys)))
      await this.#interrupt();
  }

  #isStale(keys: readonly string[]): boolean {
    const wanted = this.#takers.wanted();
    return wanted.length !== keys.length || !wanted.every((key) => keys.includes(key));
  }

  /** Redis takes from the first that has something: each is the first in its turn. */
  #inTurn(keys: readonly string[]): readonly string[] {
    if (keys.length < 2) return keys;
    this.#turn = (this.#turn + 1) % keys.length;
    return [...keys.slice(this.#turn), ...keys.slice(0, this.#turn)];
  }

  #tellAway(): void {
    this.#awayFrom ??= performance.now();
    if (performance.now() - this.#awayFrom < this.#settings.timeout) return;
    if (this.#takers.wanted().length > 0) this.#tell(unreachable("receiving", false, this.#link.problem));
  }

  /** Tells of what lasts only once. */
  #tell(error: Error): void {
    if (this.#told === error.message) return;
    this.#told = error.message;
    this.#takers.failed(error);
  }
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}

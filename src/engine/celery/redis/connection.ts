/**
 * Runs scripts and commands: waits for a server that is away, and gives up in time.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { isRefusal, isReplica, isUncertain, isUnknownScript } from "../../shared/redis/answer.ts";
import { closedError } from "../errors.ts";
import { refused, unreachable } from "./errors.ts";
import { Hub } from "./hub.ts";
import type { RedisClientLike } from "../../shared/redis/like.ts";
import type { Part } from "../../shared/redis/link.ts";
import { Waiting, answerInTime } from "../../shared/redis/waiting.ts";

/** A script, by its text and its hash. */
export interface Script {
  readonly text: string;
  readonly hash: string;
}

/** Makes a script of its text. */
export function script(text: string): Script {
  return { text, hash: createHash("sha1").update(text).digest("hex") };
}

/** Runs scripts. All of them may be run again when their answer was lost: they find out what they did. */
export class Connection {
  readonly hub: Hub;
  readonly timeout: number;
  /** What is under way, so that closing waits for it. */
  readonly #running = new Set<Promise<unknown>>();
  /** Calls that wait for the server. */
  readonly #waiting = new Waiting();
  readonly #deaf: () => void;
  #closed = false;

  constructor(client: RedisClientLike, timeout: number) {
    this.hub = Hub.of(client);
    this.timeout = timeout;
    this.#deaf = this.hub.commands.listen({ ready: () => this.#waiting.ready() });
  }

  /** Refuses what is asked of it after it was closed. */
  refuseClosed(): void {
    if (this.#closed) throw closedError();
  }

  /**
   * Runs a script. When the connection is there, it is asked for at once, so that calls keep their order.
   *
   * @param what the thing that is done, for errors
   * @param again what it is run with when the answer was lost
   */
  run(
    what: string,
    script: Script,
    parameters: readonly Part[],
    again: readonly Part[] = parameters,
  ): Promise<unknown> {
    const { commands } = this.hub;
    return this.#do(what, (isAgain) => {
      const given = ["0", ...(isAgain ? again : parameters)];
      return commands.send(["EVALSHA", script.hash, ...given]).catch((error: unknown) => {
        if (!isUnknownScript(error)) throw error;
        return commands.send(["EVAL", script.text, ...given]);
      });
    });
  }

  /** Sends one command, which changes nothing that a repetition would change again. */
  call(what: string, command: readonly Part[]): Promise<unknown> {
    return this.#do(what, () => this.hub.commands.send(command));
  }

  #do(what: string, ask: (isAgain: boolean) => Promise<unknown>): Promise<unknown> {
    if (this.#closed) return Promise.reject(closedError());
    const running = this.#try(what, ask);
    this.#running.add(running);
    this.hub.busy(1);
    const over = (): void => {
      this.#running.delete(running);
      this.hub.busy(-1);
    };
    running.then(over, over);
    return running;
  }

  async #try(what: string, ask: (isAgain: boolean) => Promise<unknown>): Promise<unknown> {
    const { commands } = this.hub;
    const deadline = performance.now() + this.timeout;
    let asked = false;
    /** Its answer, once it was a replica: better to know than that the connection was given up for that. */
    let replica: unknown;
    for (;;) {
      if (!this.hub.isReady)
        await this.#waiting.until(deadline, () =>
          this.#closed ? closedError() : unreachable(what, asked, replica ?? commands.problem),
        );
      try {
        return await answerInTime(ask(asked), deadline, () => commands.renew());
      } catch (error) {
        if (isRefusal(error)) throw refused(what, error);
        // It was made a replica: its Sentinel, or its name, tells of another by now.
        if (isReplica(error)) {
          replica = error;
          this.hub.renew();
        }
        // Without an answer; a server that answers that it cannot just now has done nothing.
        asked ||= isUncertain(error);
        if (performance.now() >= deadline || this.#closed)
          throw unreachable(what, asked, replica ?? commands.problem ?? error);
        await sleep(20);
      }
    }
  }

  /** Lets it finish what is under way. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    // Those who wait for a server that is away wait no longer.
    this.#waiting.failed();
    await Promise.allSettled(this.#running);
    this.#deaf();
    this.hub.release();
  }
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}

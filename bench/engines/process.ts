/** A side's process, as the parent sees it. @module */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Answer, Command, Request } from "./side.ts";

/** No command takes so many milliseconds, unless something is stuck. */
const patience = 180_000;

export class SideProcess {
  readonly #side: string;
  readonly #child: ChildProcess;

  /** @param side the name of its module in `sides/` */
  constructor(side: string) {
    this.#side = side;
    this.#child = fork(fileURLToPath(new URL(`sides/${side}.ts`, import.meta.url)));
  }

  ask<Name extends Command>(name: Name, request: Request<Name>): Promise<Answer<Name>> {
    const child = this.#child;
    return new Promise((resolve, reject) => {
      const fail = (why: string): void => done(() => reject(new Error(`${this.#side}, ${name}: ${why}`)));
      const timer = setTimeout(() => fail(`no answer in ${patience / 1000} s`), patience);
      const ended = (code: number | null): void => fail(`its process ended with ${code}`);
      const answered = (message: { readonly answer?: Answer<Name>; readonly failed?: string }): void =>
        message.failed === undefined ? done(() => resolve(message.answer!)) : fail(message.failed);
      const done = (then: () => void): void => {
        clearTimeout(timer);
        child.off("exit", ended).off("message", answered);
        then();
      };
      child.once("exit", ended).once("message", answered);
      child.send({ name, request });
    });
  }

  /** Ends it at once. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await ended;
  }
}

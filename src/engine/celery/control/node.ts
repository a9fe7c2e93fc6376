/**
 * This process as a node of Celery's: what it is asked by remote control, it answers.
 *
 * @module
 */
import type { ClaimRequest, Lease } from "../../../engine.ts";
import { messageOf } from "../../../errors.ts";
import type { Heart } from "../events/heart.ts";
import type { ControlMessage } from "./message.ts";
import { methods } from "./methods.ts";
import type { NodeContext } from "./node-context.ts";
import { warn } from "./warnings.ts";

/** Hears and answers, from the first worker of this process on to its last. */
export class Node {
  readonly #context: NodeContext;
  readonly #heart: Heart;
  /** Workers that listen, by name: several may have the same. */
  readonly #listening = new Map<string, number>();
  /** On their way. */
  readonly #answers = new Set<Promise<void>>();
  #deaf: (() => void) | undefined;
  #stopped = false;

  constructor(context: NodeContext, heart: Heart) {
    this.#context = context;
    this.#heart = heart;
  }

  /** A worker claims. Resolves when it is known what was called off before. */
  begin(request: ClaimRequest): Promise<void> {
    this.#context.workers.seen(request);
    this.#appear();
    return this.#context.cancels.begin();
  }

  /** A worker wants to know what is called off. See {@link Engine.onCancel}. */
  listen(worker: string, listener: (leases: readonly Lease[]) => void): () => void {
    this.#appear();
    // Where it cannot be known yet, the first claim is told so.
    this.#context.cancels.begin().catch(() => undefined);
    this.#listening.set(worker, (this.#listening.get(worker) ?? 0) + 1);
    const stop = this.#context.cancels.listen(worker, listener);
    return () => {
      stop();
      const count = (this.#listening.get(worker) ?? 1) - 1;
      if (count > 0) this.#listening.set(worker, count);
      else if (this.#listening.delete(worker)) this.#context.workers.gone(worker);
      if (this.#listening.size === 0) this.#disappear();
    };
  }

  /** For good. */
  stop(): void {
    this.#stopped = true;
    this.#disappear();
  }

  /** Resolves when whoever has asked is answered: that this process ends may be what was asked for. Never rejects. */
  async close(): Promise<void> {
    await Promise.all(this.#answers);
  }

  #appear(): void {
    if (this.#stopped || this.#deaf !== undefined) return;
    this.#deaf = this.#context.broker.onBroadcast((message) => {
      const answer = this.#heard(message).finally(() => this.#answers.delete(answer));
      this.#answers.add(answer);
    });
    this.#heart.start();
  }

  #disappear(): void {
    if (this.#deaf === undefined) return;
    this.#deaf();
    this.#deaf = undefined;
    this.#context.delayed.leave();
    this.#heart.stop();
  }

  /** Never rejects: whoever asks may ask anything. */
  async #heard({ method, arguments: given, replyTo }: ControlMessage): Promise<void> {
    const { clock, broker, hostname } = this.#context;
    clock.forward();
    const reply = this.#replyOf(method, given);
    if (replyTo === undefined || reply === undefined) return;
    try {
      await broker.answer?.(replyTo, { [hostname]: reply }, clock.forward());
    } catch (error) {
      warn("reply", `An answer to ${method.slice(0, 50)} could not be sent: ${messageOf(error)}.`);
    }
  }

  #replyOf(method: string, given: ControlMessage["arguments"]): unknown {
    if (!Object.hasOwn(methods, method)) {
      warn(
        "control",
        `A control message asks for ${JSON.stringify(method.slice(0, 50))}, which this worker does not know.`,
      );
      return { error: `unknown control command: ${method.slice(0, 100)}` };
    }
    try {
      return methods[method]!(this.#context, given);
    } catch (error) {
      return { error: messageOf(error) };
    }
  }
}

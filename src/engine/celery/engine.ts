/**
 * The engine over its parts, whichever transport they are of.
 *
 * @module
 */
import type {
  Capabilities,
  ClaimRequest,
  Delivery,
  Engine,
  Lease,
  ListRequest,
  LogLine,
  Outgoing,
  QueueCount,
  Reason,
  Settlement,
  TaskPage,
  TaskRecord,
} from "../../engine.ts";
import { unsupported } from "../../errors.ts";
import { Opening } from "../shared/opening.ts";
import { nameOf } from "./claims.ts";
import { closedError } from "./errors.ts";
import { takesCanvas } from "./protocol/canvas-node.ts";
import { openStore, type Parts, type Store } from "./store.ts";

/** What {@link CeleryEngine} is made with. */
export interface CeleryEngineOptions {
  readonly capabilities: Capabilities;
  /** Makes the parts. Called when it is opened, and again where that has failed. */
  readonly parts: () => Parts;
  /** After how many milliseconds listeners try again where it could not be opened. */
  readonly pollInterval: number;
}

/** Petiole's engine on what Celery's workers and clients share. */
export class CeleryEngine implements Engine {
  readonly [takesCanvas] = true;
  readonly name = "celery";
  readonly capabilities: Capabilities;
  readonly #opening: Opening<Store>;

  constructor({ capabilities, parts, pollInterval }: CeleryEngineOptions) {
    this.capabilities = capabilities;
    this.#opening = new Opening({
      open: () => openStore(parts()),
      closed: closedError,
      retryAfter: pollInterval,
    });
  }

  async open(): Promise<void> {
    await this.#opening.opened();
  }

  send(batch: readonly Outgoing[]): Promise<readonly string[]> {
    return this.#opening.call(({ sending }) => sending.send(batch));
  }

  async claim(request: ClaimRequest): Promise<readonly Delivery[]> {
    return this.#opening.call(({ claims }) => claims.claim(request));
  }

  async extend(leases: readonly Lease[], duration: number): Promise<readonly Lease[]> {
    return this.#opening.call((store) => store.leases.extend(leases, duration));
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly boolean[]> {
    return this.#opening.call((store) => store.settlements.settle(settlements));
  }

  async report(): Promise<boolean> {
    return this.#opening.call(() => this.#refuse("reports", "a report"));
  }

  onReady(queues: readonly string[], listener: () => void): () => void {
    // Where it cannot be opened, the listener's claim will be told why.
    return this.#opening.listen(({ ready }) => ready.listen(queues.map(nameOf), listener), listener);
  }

  async find(id: string): Promise<TaskRecord | undefined> {
    return this.#opening.call(({ records }) => records.find(id));
  }

  async ended(id: string, signal?: AbortSignal): Promise<TaskRecord | undefined> {
    signal?.throwIfAborted();
    const { audience } = this.#opening.store ?? (await this.#opening.opened());
    return audience.ended(id, signal);
  }

  watch(id: string, listener: () => void): () => void {
    // What has ended until it is open, nobody knows.
    return this.#opening.listen(({ audience }) => audience.watch(id, listener), undefined, listener);
  }

  async logs(): Promise<readonly LogLine[]> {
    return this.#opening.call(async () => []);
  }

  async list(request: ListRequest): Promise<TaskPage> {
    return this.#opening.call(({ managing }) => managing.list(request));
  }

  async counts(): Promise<readonly QueueCount[]> {
    return this.#opening.call(({ managing }) => managing.counts());
  }

  async cancel(ids: readonly string[], reason: Reason): Promise<number> {
    return this.#opening.call(({ cancels }) => cancels.cancel(ids, reason));
  }

  onCancel(worker: string, listener: (leases: readonly Lease[]) => void): () => void {
    return this.#opening.listen(({ node }) => node.listen(worker, listener));
  }

  async retry(ids: readonly string[]): Promise<number> {
    return this.#opening.call(({ managing }) => managing.retry(ids));
  }

  async discard(ids: readonly string[], reason: Reason): Promise<number> {
    return this.#opening.call(({ managing }) => managing.discard(ids, reason));
  }

  async pause(queue: string): Promise<void> {
    return this.#opening.call(() => this.#refuse("pause", `a pause of ${queue}`));
  }

  async resume(queue: string): Promise<void> {
    return this.#opening.call(() => this.#refuse("pause", `the end of a pause of ${queue}`));
  }

  async paused(): Promise<readonly string[]> {
    return this.#opening.call(async () => []);
  }

  async close(): Promise<void> {
    await this.#opening.close();
  }

  async #refuse(feature: "reports" | "pause", asked: string): Promise<never> {
    throw unsupported(asked, this.name, this.capabilities.lacks[feature] ?? "");
  }
}

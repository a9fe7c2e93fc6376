/**
 * The Celery engine on a broker in this process: its own part of the work, without a server.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import type { Engine, QueueCount } from "../../src/engine.ts";
import type {
  Broker,
  ControlMessage,
  Finish,
  Kept,
  KeptTask,
  Results,
  RevokedTask,
  Taken,
  Unreadable,
} from "../../src/engine/celery/broker.ts";
import { capabilitiesOf } from "../../src/engine/celery/capabilities.ts";
import { CeleryEngine } from "../../src/engine/celery/engine.ts";
import type { ReplyAddress } from "../../src/engine/celery/control/message.ts";
import type { CeleryMessage } from "../../src/engine/celery/protocol/message.ts";
import { endOf, metaOf } from "../../src/engine/celery/protocol/result.ts";
import type { Parts } from "../../src/engine/celery/store.ts";
import type { ProtocolSettings } from "../../src/engine/celery/protocol/settings.ts";

/** What lies in a queue. */
interface Lying {
  readonly message: CeleryMessage;
  readonly redelivered: boolean;
}

interface Unacknowledged extends Lying {
  readonly until: number;
}

/** What several engines share. */
export class CeleryServer {
  readonly queues = new Map<string, Lying[]>();
  readonly unacknowledged = new Map<string, Unacknowledged>();
  readonly results = new Map<string, { readonly text: string; readonly until: number }>();
  readonly kept = new Map<string, KeptTask>();
  readonly arrivals = new Set<{ readonly queues: readonly string[]; readonly call: () => void }>();
  readonly ends = new Set<{ readonly id: string; readonly call: () => void }>();
  readonly revoked: RevokedTask[] = [];
  readonly broadcasts = new Set<(message: ControlMessage) => void>();
  /** Answers to remote control, by their tickets. */
  readonly answers = new Map<string, object>();
  /** How long an answer is on its way, in milliseconds. */
  answersAfter = 0;
  /** How long it takes to store results, and what was called off, in milliseconds. */
  storesAfter = 0;
  /** Events, in the order in which they were told. */
  readonly emitted: Readonly<Record<string, unknown>>[] = [];
  refusesEvents = false;
  /** What cannot be published to it, as a broker says it. */
  refusal: (message: CeleryMessage) => Error | undefined = () => undefined;
  /** What is in a queue beside messages. */
  readonly unreadable: Unreadable[] = [];
  readonly keepsPlace: boolean;

  constructor({ keepsPlace = true } = {}) {
    this.keepsPlace = keepsPlace;
  }

  /** Nothing is published of what has one that is refused. */
  refuse(messages: readonly CeleryMessage[]): void {
    for (const message of messages) {
      const error = this.refusal(message);
      if (error) throw error;
    }
  }

  put(message: CeleryMessage, { front = false, redelivered = false } = {}): void {
    const lying = this.queues.get(message.queue) ?? [];
    this.queues.set(message.queue, lying);
    // As over the wire: nothing of it is shared.
    const copy = structuredClone(message);
    lying[front ? "unshift" : "push"]({ message: copy, redelivered });
    this.tell(message.queue);
  }

  tell(queue: string): void {
    for (const { queues, call } of this.arrivals) if (queues.includes(queue)) call();
  }

  /** What nobody has extended, by its tags. */
  lost(): readonly (readonly [tag: string, held: { readonly message: CeleryMessage }])[] {
    return [...this.unacknowledged].filter(([, { until }]) => until <= performance.now());
  }

  /** Puts that back. */
  sweep(): void {
    for (const [tag, { message }] of this.lost().toReversed()) {
      this.unacknowledged.delete(tag);
      this.put(message, { front: true, redelivered: true });
    }
  }
}

class MemoryBroker implements Broker {
  readonly name = "Redis";
  readonly atomic = true;
  readonly keepsPlace: boolean;
  readonly #server: CeleryServer;
  readonly #stops = new Set<() => void>();
  #unreadable: (unreadable: Unreadable) => void = () => undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(server: CeleryServer) {
    this.#server = server;
    this.keepsPlace = server.keepsPlace;
  }

  async open(): Promise<void> {}

  async publish(messages: readonly CeleryMessage[]): Promise<void> {
    this.#server.refuse(messages);
    for (const message of messages) this.#server.put(message);
  }

  async take(queues: readonly string[], limit: number, lease: number): Promise<readonly Taken[]> {
    const server = this.#server;
    // As over the wire, where that is another question: what else this turn has asked for comes first.
    if (server.lost().length > 0) await new Promise((resolve) => setImmediate(resolve));
    server.sweep();
    for (const each of server.unreadable.splice(0)) {
      const message = { queue: each.queue, headers: { id: "", task: "" }, body: Buffer.from(each.text) };
      const until = performance.now() + lease;
      const held = { ...message, contentType: "", contentEncoding: "" };
      server.unacknowledged.set(each.tag, { message: held, redelivered: false, until });
      this.#unreadable(each);
    }
    const taken: Taken[] = [];
    for (const queue of queues) {
      for (const { message, redelivered } of (server.queues.get(queue) ?? []).splice(
        0,
        limit - taken.length,
      )) {
        const tag = randomUUID();
        server.unacknowledged.set(tag, { message, redelivered, until: performance.now() + lease });
        taken.push({ tag, message, redelivered });
      }
    }
    this.#watchLeases(lease);
    return taken;
  }

  async extend(tags: readonly string[], lease: number): Promise<readonly string[]> {
    const until = performance.now() + lease;
    return tags.filter((tag) => {
      const held = this.#server.unacknowledged.get(tag);
      if (held !== undefined) this.#server.unacknowledged.set(tag, { ...held, until });
      return held === undefined;
    });
  }

  async finish(
    finishes: readonly Finish[],
    before: (held: readonly boolean[]) => Promise<void>,
  ): Promise<readonly boolean[]> {
    const held = finishes.map(({ tag }) => this.#server.unacknowledged.has(tag));
    // What is being finished is not lost meanwhile.
    await this.extend(
      finishes.map(({ tag }) => tag),
      1000,
    );
    this.#server.refuse(finishes.flatMap(({ publish }) => publish));
    await before(held);
    return finishes.map(({ tag, publish, front = false }) => {
      if (!this.#server.unacknowledged.delete(tag)) return false;
      for (const message of publish) this.#server.put(message, { front: front && this.keepsPlace });
      return true;
    });
  }

  async giveBack(tags: readonly string[]): Promise<void> {
    for (const tag of tags.toReversed()) {
      const held = this.#server.unacknowledged.get(tag);
      this.#server.unacknowledged.delete(tag);
      if (held) this.#server.put(held.message, { front: true, redelivered: !this.keepsPlace });
    }
  }

  onArrival(queues: readonly string[], call: () => void): () => void {
    const listener = { queues, call };
    this.#server.arrivals.add(listener);
    this.#watchLeases(0);
    if (queues.some((queue) => (this.#server.queues.get(queue)?.length ?? 0) > 0)) call();
    return this.#stop(() => this.#server.arrivals.delete(listener));
  }

  onUnreadable(listener: (unreadable: Unreadable) => void): void {
    this.#unreadable = listener;
  }

  async broadcast(message: ControlMessage): Promise<void> {
    const text = JSON.stringify(message);
    setImmediate(() => {
      for (const call of this.#server.broadcasts) call(JSON.parse(text) as ControlMessage);
    });
  }

  onBroadcast(listener: (message: ControlMessage) => void): () => void {
    this.#server.broadcasts.add(listener);
    return this.#stop(() => this.#server.broadcasts.delete(listener));
  }

  async answer({ ticket }: ReplyAddress, reply: object): Promise<void> {
    await later(this.#server.answersAfter);
    this.#server.answers.set(ticket, structuredClone(reply));
  }

  async emit(_routingKey: string, events: object): Promise<void> {
    if (this.#server.refusesEvents) throw new Error("the test refuses them");
    this.#server.emitted.push(...([structuredClone(events)].flat() as Readonly<Record<string, unknown>>[]));
  }

  async remember(revoked: readonly RevokedTask[]): Promise<void> {
    await later(this.#server.storesAfter);
    this.#server.revoked.push(...structuredClone(revoked));
  }

  async remembered(since: number): Promise<readonly RevokedTask[]> {
    return this.#server.revoked.filter(({ at }) => at >= since);
  }

  async lengths(): Promise<readonly { readonly queue: string; readonly count: number }[]> {
    return [...this.#server.queues].map(([queue, lying]) => ({ queue, count: lying.length }));
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    for (const stop of this.#stops) stop();
  }

  #stop(stop: () => void): () => void {
    this.#stops.add(stop);
    return stop;
  }

  /** Looks for leases that have run out, while somebody listens. */
  #watchLeases(soon: number): void {
    clearTimeout(this.#timer);
    const ends = [...this.#server.unacknowledged.values()].map(({ until }) => until - performance.now());
    if (this.#server.arrivals.size === 0 || ends.length === 0) return;
    const wait = Math.max(1, Math.min(...ends, soon + 1000));
    this.#timer = setTimeout(() => {
      this.#server.sweep();
      this.#watchLeases(soon);
    }, wait).unref();
  }
}

async function later(milliseconds: number): Promise<void> {
  if (milliseconds > 0) await new Promise((resolve) => setTimeout(resolve, milliseconds));
}

class MemoryResults implements Results {
  readonly shared = true;
  readonly replyTo = undefined;
  readonly #server: CeleryServer;
  readonly #settings: ProtocolSettings;

  constructor(server: CeleryServer, settings: ProtocolSettings) {
    this.#server = server;
    this.#settings = settings;
  }

  async open(): Promise<void> {}

  async store(ends: Parameters<Results["store"]>[0]): Promise<void> {
    await later(this.#server.storesAfter);
    for (const { end } of ends) {
      if ((await this.find(end.id))?.state === "succeeded") continue;
      const until = Date.now() + (end.keep ?? 86_400_000);
      this.#server.results.set(end.id, { text: metaOf(end, this.#settings), until });
      for (const { id, call } of this.#server.ends) if (id === end.id) call();
    }
  }

  async find(id: string): Promise<ReturnType<typeof endOf>> {
    const stored = this.#server.results.get(id);
    return stored === undefined || stored.until < Date.now() ? undefined : endOf(stored.text);
  }

  async forget(tasks: Parameters<Results["forget"]>[0]): Promise<void> {
    for (const { id } of tasks) this.#server.results.delete(id);
  }

  onEnd(id: string, call: () => void): () => void {
    const listener = { id, call };
    this.#server.ends.add(listener);
    return () => void this.#server.ends.delete(listener);
  }

  async close(): Promise<void> {}
}

class MemoryKept implements Kept {
  readonly #server: CeleryServer;

  constructor(server: CeleryServer) {
    this.#server = server;
  }

  async open(): Promise<void> {}

  async put(tasks: readonly KeptTask[]): Promise<void> {
    for (const task of tasks) {
      this.#server.kept.delete(task.id);
      this.#server.kept.set(task.id, structuredClone(task));
    }
  }

  async find(id: string): Promise<KeptTask | undefined> {
    return structuredClone(this.#server.kept.get(id));
  }

  async list({
    states,
    queue,
    task,
    limit = 100,
    after = "0",
  }: Parameters<Kept["list"]>[0]): ReturnType<Kept["list"]> {
    const found = [...this.#server.kept.values()].filter(
      (each) =>
        (states === undefined || states.includes(each.state)) &&
        (queue === undefined || queue === each.queue) &&
        (task === undefined || task === each.task),
    );
    const end = Number(after) + limit;
    const tasks = structuredClone(found.slice(Number(after), end));
    return found.length > end ? { tasks, next: String(end) } : { tasks };
  }

  async counts(): Promise<readonly QueueCount[]> {
    return [...this.#server.kept.values()].map(({ queue, state }) => ({ queue, state, count: 1 }));
  }

  async remove(
    ids: readonly string[],
    settle: (tasks: readonly KeptTask[]) => Promise<void>,
  ): Promise<number> {
    const tasks = ids.flatMap((id) => this.#server.kept.get(id) ?? []);
    await settle(structuredClone(tasks));
    for (const { id } of tasks) this.#server.kept.delete(id);
    return tasks.length;
  }

  async close(): Promise<void> {}
}

/** What the messages are made with. */
export const protocol: ProtocolSettings = {
  hostname: "petiole@test",
  origin: "test",
  tasks: {},
  exceptions: {},
};

/** An engine on that server. */
export function celeryInMemory(
  server: CeleryServer,
  settings: ProtocolSettings = protocol,
  results = true,
  more: Partial<Parts> = {},
): Engine {
  return new CeleryEngine({
    capabilities: capabilitiesOf(
      server.keepsPlace ? "Redis" : "RabbitMQ",
      results ? "redis" : "none",
      "exact",
    ),
    pollInterval: 1000,
    parts: () => ({
      broker: new MemoryBroker(server),
      results: results ? new MemoryResults(server, settings) : undefined,
      kept: new MemoryKept(server),
      ...more,
      protocol: settings,
      pollInterval: 1000,
    }),
  });
}

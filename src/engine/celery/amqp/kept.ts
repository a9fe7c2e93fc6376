/**
 * What waits for a person, in a queue of RabbitMQ's.
 *
 * RabbitMQ cannot look into a queue: to read it, all is taken and given back, one reader at a time. So this costs as much
 * as there is in it, and is for people, not for programs that ask every second.
 *
 * @module
 */
import type { ListRequest, QueueCount } from "../../../engine.ts";
import type { Kept, KeptTask } from "../broker.ts";
import { OwnChannel } from "./channel.ts";
import { type AmqpConnection, sleep } from "./connection.ts";
import { Declaring } from "./declaring.ts";
import { closedError, refused } from "./errors.ts";
import type { AmqpChannelLike, AmqpDelivery } from "./like.ts";
import { lockOf } from "./lock.ts";
import { toBuffer } from "./message.ts";
import { Publisher, type Publishing } from "./publisher.ts";

/** What `AmqpKept` may be told. */
export interface AmqpKeptSettings {
  /** The queue; `"petiole.kept"` unless told. The one of the lock is `"petiole.kept.lock"`. */
  readonly queue?: string;
}

/** A kept task, with what RabbitMQ holds of it: its message, and older ones of its id. */
interface Found {
  readonly task: KeptTask;
  readonly deliveries: readonly AmqpDelivery[];
}

/** Removes for good, of what was read. */
type Acknowledge = (deliveries: readonly AmqpDelivery[]) => Promise<void>;

/** Holds what waits for a person. */
export class AmqpKept implements Kept {
  readonly #connection: AmqpConnection;
  readonly #publisher: Publisher;
  readonly #declaring: Declaring;
  readonly #queue: string;
  /** The calls of this process, one after the other: RabbitMQ's lock is one of connections. */
  #last: Promise<unknown> = Promise.resolve();
  /** The next look of those who seek one, until it begins. */
  #finding: Promise<ReadonlyMap<string, Found>> | undefined;
  #closed = false;

  constructor(connection: AmqpConnection, { queue = "petiole.kept" }: AmqpKeptSettings = {}) {
    this.#connection = connection;
    this.#publisher = new Publisher(connection);
    this.#declaring = new Declaring(connection);
    this.#queue = queue;
    connection.join();
  }

  async open(): Promise<void> {
    this.#refuseClosed();
    await this.#declaring.queue(this.#queue);
  }

  async put(tasks: readonly KeptTask[]): Promise<void> {
    this.#refuseClosed();
    const what = tasks.length === 1 ? "keeping 1 task" : `keeping ${tasks.length} tasks`;
    let left: readonly Publishing[] = tasks.map((task) => ({
      exchange: "",
      routingKey: this.#queue,
      content: Buffer.from(JSON.stringify(task)),
      options: {
        contentType: "application/json",
        contentEncoding: "utf-8",
        correlationId: task.id,
        deliveryMode: 2,
        mandatory: true,
      },
    }));
    for (let again = true; left.length > 0; again = false) {
      await this.#declaring.queue(this.#queue);
      left = await this.#publisher.publish(what, left);
      if (left.length > 0) this.#declaring.forget(this.#queue);
      if (left.length > 0 && !again) throw refused(what, new Error(`no queue ${this.#queue} takes it`));
    }
  }

  async find(id: string): Promise<KeptTask | undefined> {
    this.#refuseClosed();
    this.#finding ??= this.#find();
    return (await this.#finding).get(id)?.task;
  }

  async list({ states, queue, task, limit = 100, after }: ListRequest): Promise<{
    readonly tasks: readonly KeptTask[];
    readonly next?: string;
  }> {
    const found = await this.#scan("listing kept tasks", async (found) => [...found.values()]);
    const [at, id] = after === undefined ? [-Infinity, ""] : fromCursor(after);
    const tasks = found
      .map(({ task }) => task)
      .filter((it) => (!states || states.includes(it.state)) && (queue ?? it.queue) === it.queue)
      .filter((it) => (task ?? it.task) === it.task && (it.endedAt - at || compare(it.id, id)) > 0)
      .toSorted((one, other) => one.endedAt - other.endedAt || compare(one.id, other.id));
    const page = tasks.slice(0, limit);
    const last = page.at(-1);
    return { tasks: page, ...(last && tasks.length > limit && { next: `${last.endedAt} ${last.id}` }) };
  }

  async counts(): Promise<readonly QueueCount[]> {
    const found = await this.#scan("counting kept tasks", async (found) => [...found.values()]);
    const counts = new Map<string, QueueCount>();
    for (const {
      task: { queue, state },
    } of found) {
      const key = JSON.stringify([queue, state]);
      counts.set(key, { queue, state, count: (counts.get(key)?.count ?? 0) + 1 });
    }
    return [...counts.values()];
  }

  async remove(
    ids: readonly string[],
    settle: (tasks: readonly KeptTask[]) => Promise<void>,
  ): Promise<number> {
    if (ids.length === 0) return 0;
    const what = ids.length === 1 ? "removing 1 kept task" : `removing ${ids.length} kept tasks`;
    return this.#scan(what, async (found, acknowledge) => {
      const removed = [...new Set(ids)].flatMap((id) => found.get(id) ?? []);
      if (removed.length === 0) return 0;
      await settle(removed.map(({ task }) => task));
      await acknowledge(removed.flatMap(({ deliveries }) => deliveries));
      return removed.length;
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#last.catch(() => undefined);
    await this.#publisher.close();
    await this.#connection.leave();
  }

  #refuseClosed(): void {
    if (this.#closed) throw closedError();
  }

  /** One look for all who ask before it begins: to cancel a thousand tasks is not to read the queue a thousand times. */
  #find(): Promise<ReadonlyMap<string, Found>> {
    const found = this.#last
      .catch(() => undefined)
      .then(() => {
        this.#finding = undefined;
        return this.#locked("finding a kept task", async (all) => all);
      });
    this.#last = found;
    return found;
  }

  /** Takes all that is there, calls `use`, and gives back what that has not acknowledged, to where it was. */
  #scan<Value>(
    what: string,
    use: (found: ReadonlyMap<string, Found>, acknowledge: Acknowledge) => Promise<Value>,
  ): Promise<Value> {
    this.#refuseClosed();
    const scanned = this.#last.catch(() => undefined).then(() => this.#locked(what, use));
    this.#last = scanned;
    return scanned;
  }

  async #locked<Value>(
    what: string,
    use: (found: ReadonlyMap<string, Found>, acknowledge: Acknowledge) => Promise<Value>,
  ): Promise<Value> {
    await this.#declaring.queue(this.#queue);
    const unlock = await lockOf(this.#connection, `${this.#queue}.lock`, what);
    const own = new OwnChannel(this.#connection, { kind: "plain" });
    const held = new Set<AmqpDelivery>();
    try {
      const channel = await own.open(what);
      const found = await this.#read(what, own, channel, held);
      return await use(found, async (deliveries) => {
        // What is answered comes after what was acknowledged. Where there is no answer, it may be there again.
        await own.ask(
          what,
          async (it) => {
            for (const delivery of deliveries) it.ack(delivery);
            await it.prefetch(1);
          },
          channel,
        );
        for (const delivery of deliveries) held.delete(delivery);
      });
    } finally {
      // What cannot be given back goes back with the channel, a little later.
      await this.#giveBack(what, own, held).catch(() => undefined);
      await own.close();
      await unlock();
    }
  }

  /** Gives back all at once, and waits until it is there: whoever reads next shall see it. */
  async #giveBack(what: string, own: OwnChannel<"plain">, held: ReadonlySet<AmqpDelivery>): Promise<void> {
    const last = [...held].at(-1);
    if (!last || !own.isOpen) return;
    const count = async (): Promise<number> =>
      (await own.ask(what, (channel) => channel.checkQueue(this.#queue))).messageCount;
    const there = (await count()) + held.size;
    const channel = await own.open(what);
    channel.nack(last, true, true);
    const deadline = performance.now() + this.#connection.timeout;
    while ((await count()) < there && performance.now() < deadline) await sleep(1);
  }

  async #read(
    what: string,
    own: OwnChannel<"plain">,
    channel: AmqpChannelLike,
    held: Set<AmqpDelivery>,
  ): Promise<ReadonlyMap<string, Found>> {
    const found = new Map<string, Found>();
    for (;;) {
      const delivery = await own.ask(what, (it) => it.get(this.#queue), channel);
      if (delivery === false) return found;
      held.add(delivery);
      const task = readKept(delivery);
      // What others put there is left alone.
      if (!task) continue;
      // One of an id that was there takes its place.
      const deliveries = [...(found.get(task.id)?.deliveries ?? []), delivery];
      found.set(task.id, { task, deliveries });
    }
  }
}

function readKept({ content }: AmqpDelivery): KeptTask | undefined {
  try {
    const task = JSON.parse(toBuffer(content).toString("utf8")) as Partial<KeptTask> | null;
    if (typeof task?.id !== "string" || typeof task.endedAt !== "number" || typeof task.queue !== "string")
      return undefined;
    if (task.state !== "failed" && task.state !== "parked") return undefined;
    return task.message === undefined ? undefined : (task as KeptTask);
  } catch {
    return undefined;
  }
}

function fromCursor(after: string): [number, string] {
  const space = after.indexOf(" ");
  return [Number(after.slice(0, space)), after.slice(space + 1)];
}

function compare(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

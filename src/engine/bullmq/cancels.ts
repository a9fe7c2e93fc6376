/**
 * Telling workers which of the tasks that they run were cancelled.
 *
 * @module
 */
import type { Lease } from "../../engine.ts";
import type { Channels } from "./channels.ts";
import type { Connection } from "./connection.ts";
import { fromJobId, toName } from "./names.ts";
import { scripts } from "./scripts.ts";

/** Hears of cancelling by messages, and by looking now and then. */
export class Cancels {
  readonly #connection: Connection;
  readonly #channels: Channels;
  readonly #interval: number;
  readonly #stops = new Set<() => void>();

  constructor(connection: Connection, channels: Channels, interval: number) {
    this.#connection = connection;
    this.#channels = channels;
    this.#interval = interval;
  }

  /** See {@link Engine.onCancel}. */
  listen(worker: string, call: (leases: readonly Lease[]) => void): () => void {
    const name = toName(worker);
    let told = new Set<string>();
    let stopped = false;
    const look = async (): Promise<void> => {
      try {
        const reply = await this.#connection.run("looking for what was cancelled", scripts.marked, [name]);
        if (stopped) return;
        const leases = leasesOf(reply as readonly string[]);
        const news = leases.filter((lease) => !told.has(nameOf(lease)));
        told = new Set(leases.map(nameOf));
        if (news.length > 0) call(news);
      } catch {
        // Redis is away: the next look will find them.
      }
    };
    const leave = this.#channels.listen(`w:${name}`, () => void look());
    const poll = setInterval(look, this.#interval).unref();
    const stop = (): void => {
      stopped = true;
      clearInterval(poll);
      leave();
      this.#stops.delete(stop);
    };
    this.#stops.add(stop);
    return stop;
  }

  stop(): void {
    for (const stop of this.#stops) stop();
  }
}

function leasesOf(reply: readonly string[]): Lease[] {
  const leases: Lease[] = [];
  for (let index = 0; index < reply.length; index += 2)
    leases.push({ id: fromJobId(reply[index]!), token: reply[index + 1]! });
  return leases;
}

function nameOf({ id, token }: Lease): string {
  return `${token} ${id}`;
}

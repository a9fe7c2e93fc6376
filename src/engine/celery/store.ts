/**
 * The parts of an engine that is open, put together.
 *
 * @module
 */
import type { Broker, Kept, Results } from "./broker.ts";
import { Audience } from "./audience.ts";
import { Builtins } from "./builtins.ts";
import { Cancels } from "./cancels.ts";
import { Chords } from "./chords.ts";
import { Claims } from "./claims.ts";
import { LogicalClock } from "./control/clock.ts";
import { Node } from "./control/node.ts";
import { TaskLimits } from "./control/rates.ts";
import { Workers } from "./control/workers.ts";
import { Delayed } from "./delayed.ts";
import { Ending } from "./ending.ts";
import { closedError } from "./errors.ts";
import { Heart } from "./events/heart.ts";
import { EventSender, type EventMode } from "./events/sender.ts";
import { TaskEvents } from "./events/task-events.ts";
import { RunningTasks } from "./held.ts";
import { Leases } from "./leases.ts";
import { Managing } from "./managing.ts";
import type { ProtocolSettings } from "./protocol/settings.ts";
import type { CeleryQueues } from "./queue-options.ts";
import { Ready } from "./ready.ts";
import { Records } from "./records.ts";
import { Revoked } from "./revoked.ts";
import { Sending } from "./sending.ts";
import { Settlements } from "./settlements.ts";

/** How long the last answers and events may take when the engine is closed, in milliseconds. */
const lastWords = 500;

/** What an engine is made of. */
export interface Parts {
  readonly broker: Broker;
  /** Undefined where nothing keeps results. */
  readonly results: Results | undefined;
  readonly kept: Kept;
  readonly protocol: ProtocolSettings;
  /** What is told of queues; nothing unless told. */
  readonly queues?: CeleryQueues;
  /** How often to look for what nothing has told of, in milliseconds. */
  readonly pollInterval: number;
  /** What is told to those who watch; `worker` unless told. */
  readonly events?: EventMode;
  /** Whether they are told of what is sent. */
  readonly sentEvents?: boolean;
}

/** An engine that is open. */
export interface Store {
  readonly sending: Sending;
  readonly claims: Claims;
  readonly leases: Leases;
  readonly settlements: Settlements;
  readonly ready: Ready;
  readonly records: Records;
  readonly audience: Audience;
  readonly managing: Managing;
  readonly cancels: Cancels;
  readonly node: Node;
  stop(): void;
  close(): Promise<void>;
}

/** Opens the parts, and puts them together. */
export async function openStore(parts: Parts): Promise<Store> {
  const { broker, results, kept, protocol, pollInterval, queues = {} } = parts;
  try {
    await Promise.all([broker.open(), results?.open(), kept.open()]);
  } catch (error) {
    await closeAll(parts);
    throw error;
  }
  const running = new RunningTasks();
  const revoked = new Revoked();
  const records = new Records(results, kept, protocol);
  const audience = new Audience(results, records, pollInterval);
  const ending = new Ending(parts, audience, new Chords({ broker, results, protocol }));
  const ready = new Ready(broker);
  const delayed = new Delayed(broker, (queue) => ready.wake(queue));
  const { hostname } = protocol;
  const [clock, workers, limits] = [new LogicalClock(), new Workers(), new TaskLimits()];
  const sender = new EventSender({ broker, clock, hostname, mode: parts.events ?? "worker" });
  const heart = new Heart(sender, running, workers);
  const events = new TaskEvents(sender, protocol, { isSent: parts.sentEvents ?? false, queues });
  const cancels = new Cancels({ broker, running, delayed, revoked, ending, records, events });
  const known = { broker, protocol, running, delayed, revoked, ready, workers, limits };
  const node = new Node({ ...known, queues, hostname, clock, cancels, heart, events: sender }, heart);
  const settlements = new Settlements({ broker, protocol, running, revoked, ending, events });
  const builtins = new Builtins({ broker, protocol, running, revoked, ending, events, settlements });
  const claims = new Claims({ ...known, ending, builtins, events, begins: (request) => node.begin(request) });
  return {
    sending: new Sending(parts, events),
    claims,
    leases: new Leases(broker, running),
    settlements,
    ready,
    records,
    audience,
    managing: new Managing({ ...parts, revoked, records, audience }),
    cancels,
    node,
    stop() {
      node.stop();
      audience.close(closedError());
      ready.stop();
      cancels.stop();
    },
    async close() {
      await claims.close();
      await Promise.race([Promise.all([node.close(), heart.close(), sender.close()]), sleep(lastWords)]);
      await Promise.all([cancels.close(), delayed.close(), ending.close()]);
      await closeAll(parts);
    },
  };
}

async function closeAll({ broker, results, kept }: Parts): Promise<void> {
  await Promise.allSettled([broker.close(), results?.close(), kept.close()]);
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds).unref());
}

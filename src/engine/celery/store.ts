/**
 * The parts of an engine that is open, put together.
 *
 * @module
 */
import type { Broker, Kept, Results } from "./broker.ts";
import { Audience } from "./audience.ts";
import { Cancels } from "./cancels.ts";
import { Chords } from "./chords.ts";
import { Claims } from "./claims.ts";
import { Delayed } from "./delayed.ts";
import { Ending } from "./ending.ts";
import { closedError } from "./errors.ts";
import { RunningTasks } from "./held.ts";
import { Leases } from "./leases.ts";
import { Managing } from "./managing.ts";
import type { ProtocolSettings } from "./protocol/settings.ts";
import { Ready } from "./ready.ts";
import { Records } from "./records.ts";
import { Revoked } from "./revoked.ts";
import { Sending } from "./sending.ts";
import { Settlements } from "./settlements.ts";

/** What an engine is made of. */
export interface Parts {
  readonly broker: Broker;
  /** Undefined where nothing keeps results. */
  readonly results: Results | undefined;
  readonly kept: Kept;
  readonly protocol: ProtocolSettings;
  /** How often to look for what nothing has told of, in milliseconds. */
  readonly pollInterval: number;
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
  stop(): void;
  close(): Promise<void>;
}

/** Opens the parts, and puts them together. */
export async function openStore(parts: Parts): Promise<Store> {
  const { broker, results, kept, protocol, pollInterval } = parts;
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
  const cancels = new Cancels({ broker, running, delayed, revoked, ending, records });
  const claiming = { broker, protocol, running, delayed, revoked, ending, ready };
  const claims = new Claims({ ...claiming, begins: () => cancels.begin() });
  return {
    sending: new Sending(parts),
    claims,
    leases: new Leases(broker, running),
    settlements: new Settlements({ broker, protocol, running, revoked, ending }),
    ready,
    records,
    audience,
    managing: new Managing({ ...parts, revoked, records, audience }),
    cancels,
    stop() {
      audience.close(closedError());
      ready.stop();
      cancels.stop();
    },
    async close() {
      await claims.close();
      await Promise.all([delayed.close(), ending.close()]);
      await closeAll(parts);
    },
  };
}

async function closeAll({ broker, results, kept }: Parts): Promise<void> {
  await Promise.allSettled([broker.close(), results?.close(), kept.close()]);
}

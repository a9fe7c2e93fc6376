/**
 * What answers to remote control are made of.
 *
 * @module
 */
import type { Broker } from "../broker.ts";
import type { Cancels } from "../cancels.ts";
import type { Delayed } from "../delayed.ts";
import type { Heart } from "../events/heart.ts";
import type { EventSender } from "../events/sender.ts";
import type { RunningTasks } from "../held.ts";
import type { ProtocolSettings } from "../protocol/settings.ts";
import type { CeleryQueues } from "../queue-options.ts";
import type { Ready } from "../ready.ts";
import type { Revoked } from "../revoked.ts";
import type { LogicalClock } from "./clock.ts";
import type { TaskLimits } from "./rates.ts";
import type { Workers } from "./workers.ts";

/** What answers are made of. */
export interface NodeContext {
  readonly hostname: string;
  readonly protocol: ProtocolSettings;
  readonly queues: CeleryQueues;
  readonly broker: Broker;
  readonly clock: LogicalClock;
  readonly workers: Workers;
  readonly limits: TaskLimits;
  readonly running: RunningTasks;
  readonly delayed: Delayed;
  readonly revoked: Revoked;
  readonly cancels: Cancels;
  readonly ready: Ready;
  readonly events: EventSender;
  readonly heart: Heart;
}

/** What was told beside a method, by anyone. */
export type Given = Readonly<Record<string, unknown>>;

/** An answer of Celery's that something was done. */
export function ok(value: unknown): object {
  return { ok: value };
}

/** One text, or those of a list. */
export function textsOf(told: unknown): readonly string[] {
  return (Array.isArray(told) ? told : [told]).filter((each): each is string => typeof each === "string");
}

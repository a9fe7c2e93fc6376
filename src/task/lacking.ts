/** Asking an engine for no more than it can do. @module */
import type { Engine, EngineFeature, Outgoing } from "../engine.ts";
import { unsupported } from "../errors.ts";
import type { TaskSettings } from "./options.ts";

/** What an engine says of itself. */
type Able = Pick<Engine, "name" | "capabilities">;

/**
 * Refuses options of a task that its engine cannot honour.
 *
 * @throws PetioleError `ERR_ENGINE_UNSUPPORTED`
 */
export function refuseLackingOptions(
  task: string,
  { priority, limit, unique }: Pick<TaskSettings, "priority" | "limit" | "unique">,
  engine: Able,
): void {
  if (priority !== 0) refuseLacking(engine, "priority", `priority of task ${task}`);
  if (limit?.concurrency !== undefined) refuseLacking(engine, "limits", `concurrency of task ${task}`);
  if (limit?.rate !== undefined) refuseLacking(engine, "limits", `rate of task ${task}`);
  if (unique !== undefined) refuseLacking(engine, "uniqueKeys", `unique of task ${task}`);
}

/**
 * Refuses a send that the engine cannot honour.
 *
 * @throws PetioleError `ERR_ENGINE_UNSUPPORTED`
 */
export function refuseLackingSend(
  { priority = 0, unique }: Pick<Outgoing, "priority" | "unique">,
  what: string,
  engine: Able,
): void {
  if (priority !== 0) refuseLacking(engine, "priority", `the priority of ${what}`);
  if (unique !== undefined) refuseLacking(engine, "uniqueKeys", `the key of ${what}`);
}

/**
 * Refuses a schedule on an engine that would send each tick again and again: every worker sends the next one, and often.
 *
 * @throws PetioleError `ERR_ENGINE_UNSUPPORTED`
 */
export function refuseLackingSchedule(schedule: string, { name, capabilities }: Able): void {
  if (capabilities.lacks.knownIds === undefined) return;
  const advice = "a tick is sent once because its id is known, and this engine does not look at ids";
  throw unsupported(
    `schedule ${schedule}`,
    name,
    `${advice}; let a clock of the broker's send it, as Celery's beat`,
  );
}

function refuseLacking({ name, capabilities }: Able, feature: EngineFeature, asked: string): void {
  const lacks = capabilities.lacks[feature];
  if (lacks !== undefined) throw unsupported(asked, name, lacks);
}

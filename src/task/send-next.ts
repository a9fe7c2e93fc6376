/**
 * After a step of a chain: its worker sends the next one, with the step's result as its payload, before it settles the
 * step. So none is lost; and as the next one's id was chosen when the chain was enqueued, a second send of it, after a
 * crash in between, makes no second task where the engine knows ids.
 *
 * @module
 */
import type { Delivery, Outgoing, Settlement } from "../engine.ts";
import { PetioleError, messageOf } from "../errors.ts";
import type { Json } from "../message.ts";
import type { Encoded } from "../wire/encode.ts";
import { wireVersion } from "../wire/wire.ts";
import type { AppContext } from "./app-context.ts";
import { nowOf } from "./clock.ts";
import { chainHeader, type FollowingStep } from "./following.ts";
import { refuseLackingSend } from "./lacking.ts";
import { checkHeaders } from "./middleware.ts";
import { taskNamed } from "./needs.ts";
import { encodedPayload, parentage } from "./outgoing.ts";
import { prepared } from "./prepared.ts";
import { reasonOf } from "./reason.ts";
import { isRefusal } from "./refusal.ts";
import { afterFailure } from "./retry.ts";
import type { Stop } from "./run-bounds.ts";
import type { Task } from "./task.ts";

/** What sending the next step needs of the app. */
export type NextContext = Pick<
  AppContext,
  "engine" | "wire" | "adapters" | "tasks" | "aliases" | "middleware" | "transactions"
>;

/** A step that has succeeded. */
export interface Succeeded {
  readonly delivery: Delivery;
  readonly task: Task;
  /** What its handler returned. */
  readonly value: unknown;
  /** The same, as it travels. */
  readonly result: Encoded;
  /** What follows; at least one. */
  readonly following: readonly FollowingStep[];
  readonly stop: Stop;
}

/** For how long a worker tries to send, in milliseconds: it has run the step, and should not have to again. */
const patience = 100_000;

/**
 * Sends the next step, in the asynchronous context of the step's handler.
 *
 * @returns how the step is settled when that could not be done; undefined once it is sent
 * @throws PetioleError `ERR_DATABASE_UNREACHABLE`
 */
export async function sendNext(step: Succeeded, context: NextContext): Promise<Settlement | undefined> {
  const { delivery, task, following } = step;
  const { lease } = delivery;
  // Called off while it ran: it ends as cancelled, as nothing is to follow it.
  if (step.stop.isCancel) return { kind: "release", lease };
  let outgoing: Outgoing;
  try {
    outgoing = await nextOutgoing(step, context);
  } catch (error) {
    if (!(error instanceof PetioleError))
      return afterFailure(delivery, error, task.settings, nowOf(context.engine));
    if (error.code === "ERR_DATABASE_UNREACHABLE") throw error;
    return unsendable(step, error);
  }
  const deadline = performance.now() + patience;
  for (let failures = 0; ; failures++) {
    try {
      await context.engine.send([outgoing]);
      return undefined;
    } catch (error) {
      // What an engine does not tell of is none of the broker's errors, and comes again.
      if (!(error instanceof PetioleError))
        return unsendable(step, new PetioleError("ERR_ENGINE_FAILED", messageOf(error), { cause: error }));
      const { code } = error;
      if (isRefusal(error)) return unsendable(step, error);
      if (code === "ERR_ENGINE_CLOSED" || step.stop.isCalled) return { kind: "release", lease };
      if (performance.now() > deadline) {
        const text = `what follows it in its chain, task ${following[0]!.task}, could not be sent: ${messageOf(error)}`;
        const failure = new PetioleError(code, text, { cause: error });
        return afterFailure(delivery, failure, task.settings, nowOf(context.engine));
      }
      await sleep(Math.min(100 * 2 ** failures, 1000));
    }
  }
}

/** The same handler would return the same again, so there is no use in another attempt. */
function unsendable({ delivery, following }: Succeeded, error: PetioleError): Settlement {
  const reason = reasonOf(error);
  const message = `what follows it in its chain, task ${following[0]!.task}, cannot be sent: ${reason.message}`;
  return { kind: "fail", lease: delivery.lease, reason: { ...reason, message } };
}

async function nextOutgoing(step: Succeeded, context: NextContext): Promise<Outgoing> {
  const [next, ...after] = step.following as readonly [FollowingStep, ...FollowingStep[]];
  const { engine } = context;
  const { encoded, version, headers } = next.payload
    ? {
        encoded: { text: next.payload.text, types: next.payload.types ?? [] },
        version: next.version,
        headers: next.headers ?? {},
      }
    : await fromResult(step, next, context);
  const now = nowOf(engine);
  const runAt = next.runAt ?? now + (next.delay ?? 0);
  const expires = next.expiresIn === undefined ? next.expires : Math.max(now, runAt) + next.expiresIn;
  const outgoing: Outgoing = {
    message: {
      id: next.id,
      task: next.task,
      queue: next.queue,
      payload: encoded.text,
      headers: {
        ...headers,
        wire: wireVersion,
        ...(encoded.types.length > 0 ? { types: encoded.types } : {}),
        ...(version !== undefined && version > 1 ? { version } : {}),
        ...parentage(),
        ...(expires === undefined ? {} : { expires }),
        ...chainHeader(after),
      },
    },
    runAt,
    priority: next.priority ?? 0,
    ...(next.lane ? { lane: next.task } : {}),
  };
  refuseLackingSend(outgoing, `task ${next.task}`, engine);
  return outgoing;
}

interface FromResult {
  readonly encoded: Pick<Encoded, "text" | "types">;
  readonly version: number | undefined;
  readonly headers: Readonly<Record<string, Json>>;
}

/** A payload that is the result of the step before: checked as the next task wants it, where that is known here. */
function fromResult(
  { value, result, task }: Succeeded,
  next: FollowingStep,
  context: NextContext,
): Promise<FromResult> {
  const [known] = [next.task, ...(next.aliases ?? [])].flatMap((name) => taskNamed(name, context) ?? []);
  const send = { id: next.id, task: next.task, payload: value, headers: { ...next.headers } };
  return prepared(send, context, async ({ headers }) => {
    checkHeaders(headers);
    if (!known) return { encoded: result, version: next.version, headers };
    const what = `the result of task "${task.name}", which is the payload of task "${known.name}",`;
    const subject = { payload: value, options: {}, root: "result", what };
    const encoded = await encodedPayload(subject, known.settings, context);
    return { encoded, version: known.settings.version, headers };
  });
}

function sleep(duration: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, duration).unref());
}

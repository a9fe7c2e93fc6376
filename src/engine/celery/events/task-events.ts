/**
 * What is told of tasks to those who watch: Celery's events, made of what happens here.
 *
 * @module
 */
import { constants } from "node:os";
import type { Reason, Settlement } from "../../../engine.ts";
import type { Running } from "../held.ts";
import { pythonError } from "../protocol/failure.ts";
import type { Received } from "../protocol/receiving.ts";
import type { CeleryMessage } from "../protocol/message.ts";
import type { ProtocolSettings } from "../protocol/settings.ts";
import { queueOptions, type CeleryQueues, type Route } from "../queue-options.ts";
import type { EventSender } from "./sender.ts";

/** As many characters of a result or an error are told. */
const longest = 1024;

/** As many of a traceback. */
const longestTrace = 10_000;

/** What is told, and of what. */
export interface TaskEventsOptions {
  /** Whether it tells of what is sent, as Celery's `task_send_sent_event`. */
  readonly isSent: boolean;
  /** What is told of the queues that are sent to. */
  readonly queues: CeleryQueues;
}

/** Tells of tasks, where somebody wants to know. */
export class TaskEvents {
  readonly #events: EventSender;
  readonly #protocol: ProtocolSettings;
  readonly #options: TaskEventsOptions;

  constructor(events: EventSender, protocol: ProtocolSettings, options: TaskEventsOptions) {
    this.#events = events;
    this.#protocol = protocol;
    this.#options = options;
  }

  get isOn(): boolean {
    return this.#events.isTasks;
  }

  /** Tasks were sent by this process. */
  sent(messages: readonly CeleryMessage[]): void {
    if (!this.#options.isSent) return;
    for (const message of messages) {
      const { exchange, routingKey } = this.#routeOf(message);
      void this.#events.send("task-sent", {
        ...aboutTask(message.headers),
        queue: message.queue,
        exchange,
        routing_key: routingKey,
      });
    }
  }

  /** Where it is published. */
  #routeOf({ queue, route }: CeleryMessage): Route {
    const { exchange, routingKey = queue } = queueOptions(this.#options.queues, queue) ?? {};
    return route ?? { exchange: exchange?.name ?? "", routingKey };
  }

  /** A task was taken out of its queue. */
  received({ celery }: Received): void {
    if (this.isOn) this.#events.task("task-received", aboutTask(celery.headers));
  }

  started({ received, startedAt }: Running): void {
    if (this.isOn) this.#events.task("task-started", { uuid: received.message.id }, startedAt);
  }

  /** It was called off, or its time was over, before it ran. */
  revoked({ message }: Received, isExpired = false): void {
    if (!this.isOn) return;
    const uuid = message.id;
    this.#events.task("task-revoked", { uuid, terminated: false, signum: null, expired: isExpired });
  }

  /** It could not be read. */
  rejected(id: string): void {
    if (this.isOn) this.#events.task("task-rejected", { uuid: id, requeue: false });
  }

  /** A run has ended. @param isCalledOff it ends as cancelled, where another run would have followed */
  settled({ received, startedAt }: Running, settlement: Settlement, isCalledOff: boolean): void {
    if (!this.isOn) return;
    const uuid = received.message.id;
    const { kind } = settlement;
    if (isCalledOff || kind === "cancel") return this.#terminated(uuid, kind !== "cancel");
    if (kind === "complete") {
      const { result } = settlement;
      this.#events.task("task-succeeded", {
        uuid,
        result: shown(result, longest),
        runtime: Math.max(0, Date.now() - startedAt) / 1000,
      });
    } else if (kind === "release") this.#events.task("task-rejected", { uuid, requeue: true });
    else if (kind === "expire") this.revoked(received, true);
    else if (kind === "skip" || kind === "discard") this.revoked(received);
    else {
      const type = kind === "retryAt" || kind === "defer" ? "task-retried" : "task-failed";
      this.#events.task(type, { uuid, ...this.#failure(settlement.reason, received.message.task) });
    }
  }

  #terminated(uuid: string, hasRun: boolean): void {
    const signum = hasRun ? constants.signals.SIGTERM : null;
    this.#events.task("task-revoked", { uuid, terminated: hasRun, signum, expired: false });
  }

  #failure(reason: Reason, task: string): object {
    const { type, args } = pythonError(reason, this.#protocol.exceptions, task);
    const { stack } = (
      typeof reason.details === "object" && reason.details !== null ? reason.details : {}
    ) as {
      readonly stack?: unknown;
    };
    const texts = args.map((arg) =>
      typeof arg === "string" ? quoted(arg) : (JSON.stringify(arg) ?? "None"),
    );
    return {
      exception: shown(`${type}(${texts.join(", ")})`, longest),
      traceback: typeof stack === "string" ? shown(stack, longestTrace) : shown(reason.message, longest),
    };
  }
}

/** What is told of a task that somebody sends or takes. */
function aboutTask(headers: CeleryMessage["headers"]): Readonly<Record<string, unknown>> {
  const {
    task,
    id,
    shadow,
    argsrepr,
    kwargsrepr,
    root_id: root,
    parent_id: parent,
    retries,
    eta,
    expires,
  } = headers;
  return {
    uuid: id,
    name: typeof shadow === "string" && shadow !== "" ? shadow : task,
    args: textOf(argsrepr) ?? "",
    kwargs: textOf(kwargsrepr) ?? "",
    root_id: textOf(root) ?? null,
    parent_id: textOf(parent) ?? null,
    retries: typeof retries === "number" ? retries : 0,
    eta: textOf(eta) ?? null,
    expires: textOf(expires) ?? null,
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? shown(value, longest) : undefined;
}

function shown(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 3).toWellFormed()}...`;
}

/** As Python's `repr` has it, near enough to be read. */
function quoted(text: string): string {
  const inside = shown(text, longest).replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  return inside.includes("'") && !inside.includes('"') ? `"${inside}"` : `'${inside.replaceAll("'", "\\'")}'`;
}

/**
 * What is agreed between the two sides, and what one send may say beside its payload.
 *
 * @module
 */
import type { Json } from "../../../message.ts";

/** What every message of an engine is made and read with. */
export interface ProtocolSettings {
  /** The name of this node, as Celery writes it: `petiole@host`. It is the `worker` of the results. */
  readonly hostname: string;
  /** Who sends, for people: `gen123@host`. */
  readonly origin: string;
  /** What is agreed about tasks, by name. */
  readonly tasks: Readonly<Record<string, TaskProtocol>>;
  /** An error's `name` to the Python class that it is raised as: `{ OutOfStock: "shop.errors.OutOfStock" }`. */
  readonly exceptions: Readonly<Record<string, string>>;
  /** Where the next step of a chain is sent that names no queue; `"celery"` unless told, as Celery itself has it. */
  readonly defaultQueue?: string;
  /** Results are kept where the parts of a chord can be counted: in Redis. */
  readonly chords?: boolean;
  /** False where the broker keeps nothing of what is published to a fanout exchange: on Redis. */
  readonly fanouts?: boolean;
  /** A compressed body may unpack to so many bytes; 64 MiB unless told. */
  readonly maxBytes?: number;
}

/** What is agreed about a task. */
export interface TaskProtocol {
  /** The payload's properties that travel as positional arguments, in their order. */
  readonly positional?: readonly string[];
  /** The queue of the steps of chains that name none. */
  readonly queue?: string;
  /** 0 to 9, in the transport's own order. */
  readonly priority?: number;
  /** Milliseconds after which the worker stops it. */
  readonly timeLimit?: number;
  /** Milliseconds after which the worker asks it to stop. */
  readonly softTimeLimit?: number;
  /** How the bodies of its messages are packed. They are not, unless told. */
  readonly compression?: "zlib";
  /** Its result is not stored. */
  readonly ignoreResult?: boolean;
}

/** What one send may say: the header `celery` of its message. Plain JSON. */
export interface SendOptions {
  /** 0 to 9, in the transport's own order: Redis takes 0 first, RabbitMQ 9. */
  readonly priority?: number;
  /** Sent after its success, with the result before their own arguments. */
  readonly link?: readonly SignatureOptions[];
  /** Sent after its failure, with its id before their own arguments. */
  readonly linkError?: readonly SignatureOptions[];
  /** What follows, one after the other, each with the result of the one before. */
  readonly chain?: readonly SignatureOptions[];
  /** Milliseconds after which the worker stops it. The task's own, or none, unless told. */
  readonly timeLimit?: number;
  /** Milliseconds after which the worker asks it to stop. The task's own, or none, unless told. */
  readonly softTimeLimit?: number;
  /** How its body is packed. As the task says, unless told. */
  readonly compression?: "zlib";
  /** Its result is not stored, so that nobody can wait for it. As the task says, unless told. */
  readonly ignoreResult?: boolean;
  /** The exchange that it is published to, in place of its queue, with `routingKey`. */
  readonly exchange?: string;
  /** What it is published with. */
  readonly routingKey?: string;
  /** Celery's `retries`: so many runs count as ended before its first. */
  readonly retries?: number;
  /** The name that Celery's logs show in place of the task's. */
  readonly shadow?: string;
  /** Headers of Celery's own kind, which Python's workers see as `request.headers`. */
  readonly headers?: Readonly<Record<string, Json>>;
}

/** A task to be sent later: Celery calls it a signature. */
export interface SignatureOptions {
  /** Its name, as its worker knows it. */
  readonly task: string;
  /** Its positional arguments. Plain JSON. */
  readonly args?: readonly Json[];
  /** Its arguments by name. Plain JSON. */
  readonly kwargs?: Readonly<Record<string, Json>>;
  /** Its id; a fresh one unless told. */
  readonly id?: string;
  /** Where it is sent. As the engine's option `tasks` has it, else `celery`, unless told. */
  readonly queue?: string;
  /** 0 to 9, in the transport's own order. */
  readonly priority?: number;
  /** It does not get the result, or the id, of what it follows. */
  readonly immutable?: boolean;
  /** Sent after its success, with the result before their own arguments. */
  readonly link?: readonly SignatureOptions[];
  /** Sent after its failure, with its id before their own arguments. */
  readonly linkError?: readonly SignatureOptions[];
}

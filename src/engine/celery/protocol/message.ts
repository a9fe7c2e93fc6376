/**
 * A message of Celery's, protocol 2, as both transports carry it.
 *
 * Source: https://docs.celeryq.dev/en/stable/internals/protocol.html, and messages captured from Celery 5.6.
 *
 * @module
 */

/** Celery's headers, as JSON. What others add to them is kept. */
export interface CeleryHeaders {
  readonly task: string;
  readonly id: string;
  readonly [name: string]: unknown;
}

/** A message on its way. */
export interface CeleryMessage {
  /** The queue that it waits in, or is for. */
  readonly queue: string;
  readonly headers: CeleryHeaders;
  readonly contentType: string;
  readonly contentEncoding: string;
  /** As it travels: compressed, where the headers say so. */
  readonly body: Uint8Array;
  /** Where its result is to be sent: a queue of RabbitMQ. */
  readonly replyTo?: string;
  /** 0 to 9, in the transport's own order: Redis takes 0 first, RabbitMQ 9. */
  readonly priority?: number;
  /** Where it is published in place of its queue; only ever of one that is sent. */
  readonly route?: { readonly exchange: string; readonly routingKey: string };
  /** The exchange that it came by, and its routing key; undefined for one that was published to its queue itself. */
  readonly delivered?: { readonly exchange: string; readonly routingKey: string };
  /** It was in its queue before, and is for that queue alone, whatever else is bound to the exchange. */
  readonly isAgain?: true;
  /** After so many milliseconds RabbitMQ itself may drop it. Never written by this engine. */
  readonly expiration?: number;
}

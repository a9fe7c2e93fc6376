/**
 * What the engine uses of amqplib's promise API, so that it is not imported. The user's own connection fits as it is.
 *
 * @module
 */

interface Emitter {
  on(event: string, listener: (told?: unknown) => void): unknown;
}

/**
 * A connection of amqplib, as its `connect` resolves to: one that ends with its socket, or one with the option `recovery`,
 * which connects again by itself.
 */
export interface AmqpConnectionLike extends Emitter {
  createChannel(): Promise<AmqpChannelLike>;
  createConfirmChannel(): Promise<AmqpConfirmChannelLike>;
  close(): Promise<void>;
}

/**
 * The user's connection, or a function that makes one. A connection without `recovery` cannot be made again when it was
 * lost: calls fail with `ERR_ENGINE_UNREACHABLE` then, for good. So prefer the function, which is called again.
 *
 * @example
 * () => connect("amqp://localhost")
 */
export type AmqpSource = AmqpConnectionLike | (() => AmqpConnectionLike | Promise<AmqpConnectionLike>);

/** A message as amqplib gives it. */
export interface AmqpDelivery {
  readonly content: Uint8Array;
  readonly fields: {
    readonly deliveryTag?: number;
    readonly redelivered?: boolean;
    readonly exchange?: string;
    readonly routingKey: string;
  };
  readonly properties: AmqpProperties;
}

/** Anything may be in them: others publish, too. */
export interface AmqpProperties {
  readonly contentType?: unknown;
  readonly contentEncoding?: unknown;
  readonly headers?: unknown;
  readonly priority?: unknown;
  readonly correlationId?: unknown;
  readonly replyTo?: unknown;
  readonly expiration?: unknown;
}

/** How a queue is declared. */
export interface AmqpQueueOptions {
  readonly durable?: boolean;
  readonly exclusive?: boolean;
  readonly autoDelete?: boolean;
  readonly expires?: number;
  readonly messageTtl?: number;
  readonly arguments?: Readonly<Record<string, unknown>>;
}

/** How a message is published. */
export interface AmqpPublishOptions {
  readonly contentType?: string;
  readonly contentEncoding?: string;
  readonly headers?: object;
  readonly deliveryMode?: number;
  readonly priority?: number;
  readonly correlationId?: string;
  readonly replyTo?: string;
  readonly mandatory?: boolean;
}

/** A channel. */
export interface AmqpChannelLike extends Emitter {
  /** Whose it is: the connection within amqplib's. */
  readonly connection: object;
  close(): Promise<void>;
  assertQueue(queue: string, options?: AmqpQueueOptions): Promise<{ readonly messageCount: number }>;
  checkQueue(queue: string): Promise<{ readonly messageCount: number }>;
  deleteQueue(queue: string): Promise<unknown>;
  bindQueue(queue: string, source: string, pattern: string): Promise<unknown>;
  bindExchange(destination: string, source: string, pattern: string): Promise<unknown>;
  assertExchange(exchange: string, type: string, options?: { readonly durable?: boolean }): Promise<unknown>;
  consume(
    queue: string,
    listener: (delivery: AmqpDelivery | null) => void,
    options?: { readonly noAck?: boolean },
  ): Promise<{ readonly consumerTag: string }>;
  cancel(consumerTag: string): Promise<unknown>;
  get(queue: string): Promise<AmqpDelivery | false>;
  ack(delivery: AmqpDelivery): void;
  nack(delivery: AmqpDelivery, allUpTo?: boolean, requeue?: boolean): void;
  prefetch(count: number): Promise<unknown>;
}

/** A channel that tells what it has accepted. */
export interface AmqpConfirmChannelLike extends AmqpChannelLike {
  publish(
    exchange: string,
    routingKey: string,
    content: Uint8Array,
    options: AmqpPublishOptions,
    callback: (error: unknown) => void,
  ): boolean;
}

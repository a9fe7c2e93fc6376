/**
 * A message as it is in Redis: random bytes that make it the only one of its kind, then the message, encrypted or not.
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import { DecodeError, LimitError, describe } from "../../errors.ts";
import type { Fernet } from "../fernet.ts";
import { serializerOf, type Serializer } from "./formats.ts";
import { reserved, type ChannelLimits, type Format, type Prepared } from "./outgoing.ts";

/** What a {@link Codec} is made with. */
export interface CodecSettings {
  readonly format: Format;
  readonly fernet: Fernet | undefined;
  readonly randomPrefixLength: number;
  /** In seconds. */
  readonly expiry: number;
  readonly limits: ChannelLimits;
}

/** In seconds: what channels_redis adds to `expiry` before an encrypted message is too old. */
const grace = 10;

/**
 * At most so many process-local channels are named in one message: who sends to more of one process sends it several. Fewer would
 * fill what that process has room for.
 */
export const mostNames = 10_000;

/** In bytes: what the names of process-local channels may take beside the message itself. They have at most 99 letters each. */
export const namesLimit = 1024 * 1024;

/** In bytes: the same of the one name that a message to a group has for a channel that processes share. */
export const oneNameLimit = 128;

/** Writes and reads messages as channels_redis does. */
export class Codec {
  readonly #settings: CodecSettings;
  readonly #serializer: Serializer;

  private constructor(settings: CodecSettings, serializer: Serializer) {
    this.#settings = settings;
    this.#serializer = serializer;
  }

  static async load(settings: CodecSettings): Promise<Codec> {
    return new Codec(settings, await serializerOf(settings.format));
  }

  /** @throws LimitError */
  write(message: Prepared): Uint8Array {
    return this.#seal(this.#measured(message));
  }

  /**
   * Writes a message with the names of the channels that it goes to, {@link mostNames} at most. They do not count towards its
   * limits.
   *
   * @throws LimitError
   */
  writer(message: Prepared): (names: string | readonly string[]) => Uint8Array {
    this.#measured(message);
    return (names) => this.#seal(this.#serializer.write({ ...message, [reserved]: names }));
  }

  #measured(message: Prepared): Uint8Array {
    const { limits } = this.#settings;
    const bytes = this.#serializer.write(message);
    if (bytes.length > limits.bytes) throw new LimitError("message", "bytes", limits.bytes, bytes.length);
    return bytes;
  }

  #seal(bytes: Uint8Array): Uint8Array {
    const { fernet, randomPrefixLength } = this.#settings;
    const sealed = fernet === undefined ? bytes : fernet.encrypt(bytes, Date.now() / 1000);
    return Buffer.concat([randomBytes(randomPrefixLength), sealed]);
  }

  /**
   * @param names how many bytes the names of channels may take beside the message: {@link namesLimit}, {@link oneNameLimit}
   * @throws DecodeError or LimitError, whatever it is given
   */
  read(entry: Uint8Array, names = 0): Record<string, unknown> {
    const { fernet, randomPrefixLength, expiry, limits } = this.#settings;
    const length = limits.bytes + names;
    let bytes = entry.subarray(randomPrefixLength);
    // Base64 is a third longer.
    const most = fernet === undefined ? length : Math.ceil((length + 100) * 1.34);
    if (bytes.length > most) throw new LimitError("message", "bytes", limits.bytes, bytes.length);
    if (fernet !== undefined) {
      const opened = fernet.decrypt(bytes, expiry + grace, Date.now() / 1000);
      if ("problem" in opened)
        throw new DecodeError({
          path: "message",
          expected: "what is encrypted with one of symmetricEncryptionKeys",
          found: opened.problem,
        });
      bytes = opened.bytes;
    }
    const message = this.#serializer.read(bytes, limits.depth);
    if (
      typeof message === "object" &&
      message !== null &&
      !Array.isArray(message) &&
      !(message instanceof Uint8Array)
    )
      return message as Record<string, unknown>;
    throw new DecodeError({
      path: "message",
      expected: "a map",
      found: Array.isArray(message) ? "a list" : describe(message),
    });
  }
}

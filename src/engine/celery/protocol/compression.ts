/**
 * Bodies that are compressed. Kombu calls its method `application/x-gzip`, and writes zlib's format.
 *
 * @module
 */
import { deflateSync, unzipSync } from "node:zlib";
import { LimitError, describe, messageOf } from "../../../errors.ts";
import { malformed, unsupportedMessage } from "./malformed.ts";

/** The header `compression` of a body that is compressed here. */
export const compressionHeader = "application/x-gzip";

/** Names of Kombu's for what can be read; what lies there may be zlib's format or gzip's. */
const readable: ReadonlySet<unknown> = new Set([compressionHeader, "gzip", "zlib"]);

/** A body may unpack to so many bytes unless the settings say otherwise. */
export const defaultMaxBytes = 64 * 1024 * 1024;

/** The bytes, compressed as Kombu does. */
export function compressed(body: Uint8Array): Uint8Array {
  return deflateSync(body);
}

/**
 * The bytes of a body.
 *
 * @param compression the header
 * @throws LimitError when they are more than `maxBytes`, of which no more are unpacked
 * @throws DecodeError when they are damaged
 */
export function uncompressed(
  body: Uint8Array,
  compression: unknown,
  maxBytes: number = defaultMaxBytes,
): Uint8Array {
  if (compression === undefined || compression === null || compression === "") {
    if (body.length > maxBytes)
      throw new LimitError("The body of the message", "bytes", maxBytes, body.length);
    return body;
  }
  if (!readable.has(compression))
    throw unsupportedMessage(
      `its body is compressed by ${describe(compression)}`,
      'Send it with compression="zlib", or without.',
    );
  try {
    return unzipSync(body, { maxOutputLength: maxBytes });
  } catch (error) {
    if (String((error as { readonly code?: unknown }).code).endsWith("BUFFER_TOO_LARGE"))
      throw new LimitError("The unpacked body of the message", "bytes", maxBytes, maxBytes + 1);
    throw malformed(
      "body",
      "bytes that zlib can unpack, as the header compression says",
      messageOf(error),
      error,
    );
  }
}

/**
 * Ids of tasks as ids of jobs: pg-boss takes UUIDs only.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { toColumn } from "../shared/text.ts";

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Of the ids that are no UUIDs; a random one. */
const namespace = "2f1d7c0e-5d0b-4a53-9f0e-6b1c8a3f9d47";

/** The job's id: the task's own where that is a UUID, else one that is made of it (version 5), always the same. */
export function jobId(id: string): string {
  if (uuid.test(id)) return id;
  // UTF-16: lone surrogates are all one in UTF-8.
  const hash = createHash("sha1").update(namespace).update(Buffer.from(id, "utf16le")).digest();
  hash[6] = (hash[6]! & 0x0f) | 0x50;
  hash[8] = (hash[8]! & 0x3f) | 0x80;
  const hex = hash.toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}

/** What is stored of an id beside the job's: nothing where they are one. */
export function idColumn(id: string): string | null {
  return uuid.test(id) ? null : toColumn(id);
}

/**
 * Names of channels and groups, as Channels has them.
 *
 * @module
 */
import { PetioleError, describe } from "../errors.ts";

/** Names are shorter than this. */
const tooLong = 100;
const general = /^[A-Za-z0-9_.-]+$/;
const any = /^[A-Za-z0-9_.-]+(?:![A-Za-z0-9_.-]*)?$/;
const allowed = `ASCII letters, digits, "-", "_" and ".", shorter than ${tooLong} characters`;

/** Whether it is a channel's name: `jobs`, or process-local as `specific.3f…!9a…`. */
export function isChannelName(name: unknown): name is string {
  return typeof name === "string" && name.length < tooLong && any.test(name);
}

/** @throws PetioleError `ERR_OPTION_INVALID` */
export function refuseInvalidChannel(name: unknown): asserts name is string {
  if (isChannelName(name)) return;
  throw new PetioleError(
    "ERR_OPTION_INVALID",
    `A channel's name is of ${allowed}; in a process-local one a "!" stands between its two parts. ` +
      `It got ${describe(name)}.`,
  );
}

/** @throws PetioleError `ERR_OPTION_INVALID` */
export function refuseInvalidGroup(name: unknown): asserts name is string {
  if (typeof name === "string" && name.length < tooLong && general.test(name)) return;
  throw new PetioleError("ERR_OPTION_INVALID", `A group's name is of ${allowed}. It got ${describe(name)}.`);
}

/** Whether one process alone receives from it. */
export function isLocal(channel: string): boolean {
  return channel.includes("!");
}

/** What a channel's messages wait under: of a process-local one, the part up to the `!`. */
export function sharedPart(channel: string): string {
  const at = channel.indexOf("!");
  return at === -1 ? channel : channel.slice(0, at + 1);
}

/**
 * Which values a column can hold.
 *
 * One key of a wrong kind (`"abc"` for an integer, from a sender in another language) would fail the statement, and
 * with it every other row of the load, again at each attempt. So adapters leave such keys out of it: they are missing
 * rows.
 *
 * @module
 */
import type { KeyPart } from "../wire/reference.ts";

/** Stands for a part of a key that no row can have. */
export const impossible = Symbol("impossible");

/** Whether a part is a number that is as it should be already: the most usual, of which there may be thousands. */
export function isIntegerOf(bits: number, part: unknown): part is number {
  if (!Number.isSafeInteger(part)) return false;
  // Powers take longer than all else here. All safe integers have less than 64 bits.
  return bits === 64 || Math.abs(part as number) < (bits === 32 ? 0x8000_0000 : 2 ** (bits - 1));
}

/** A whole number of so many bits with its sign; {@link impossible} for anything else. */
export function integerIn(bits: number, part: KeyPart): bigint | typeof impossible {
  const text = String(part);
  if (!/^-?\d{1,40}$/.test(text)) return impossible;
  const integer = BigInt(text);
  return BigInt.asIntN(bits, integer) === integer ? integer : impossible;
}

/** The same as a number where that is exact, which every driver takes, and as a bigint where it is not. */
export function numberIn(bits: number, part: KeyPart): number | bigint | typeof impossible {
  if (isIntegerOf(bits, part)) return part;
  const integer = integerIn(bits, part);
  return integer === impossible ? impossible : asNumber(integer);
}

/** As a number where that is exact; otherwise as it is. */
export function asNumber(integer: bigint): number | bigint {
  return Number.isSafeInteger(Number(integer)) ? Number(integer) : integer;
}

/** Whether PostgreSQL reads a text as a UUID. */
export function isUuid(text: string): boolean {
  return /^\{?(?:[0-9a-f]{4}-?){8}\}?$/i.test(text);
}

/** Whether PostgreSQL can hold a text: not the character 0, and no half of a character, which drivers replace. */
export function isPostgresText(text: string): boolean {
  return text.isWellFormed() && !text.includes("\0");
}

/** Whether a text is written as a number. */
export function isNumeric(text: string): boolean {
  return text.trim() !== "" && Number.isFinite(Number(text));
}

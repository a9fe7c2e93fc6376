/**
 * How many messages may wait in a channel: `channel_capacity`, as Channels reads it.
 *
 * @module
 */
import { PetioleError, describe } from "../errors.ts";

/** Patterns of names, and how many messages may wait in what is named so. The first that matches holds. */
export type ChannelCapacity =
  | Readonly<Record<string, number>>
  | readonly (readonly [pattern: string | RegExp, capacity: number])[];

/** The capacity of a channel, by its name. @throws PetioleError `ERR_OPTION_INVALID` */
export function capacityOf(capacity: number, patterns: ChannelCapacity): (channel: string) => number {
  const rules = entriesOf(patterns).map(([pattern, number]) => {
    if (!Number.isSafeInteger(number) || number < 1)
      throw invalid(
        `channelCapacity["${String(pattern)}"] is a whole number above 0; it got ${describe(number)}.`,
      );
    return [expressionOf(pattern), number] as const;
  });
  return (channel) => rules.find(([expression]) => matches(expression, channel))?.[1] ?? capacity;
}

function entriesOf(patterns: unknown): (readonly [string | RegExp, number])[] {
  if (typeof patterns !== "object" || patterns === null)
    throw invalid(`channelCapacity is an object such as { "http.*": 200 }; it got ${describe(patterns)}.`);
  if (!Array.isArray(patterns)) return Object.entries(patterns) as [string, number][];
  for (const entry of patterns as unknown[]) {
    const [pattern] = Array.isArray(entry) && entry.length === 2 ? (entry as unknown[]) : [];
    if (typeof pattern !== "string" && !(pattern instanceof RegExp))
      throw invalid(
        "channelCapacity, where it is a list, has pairs of a pattern (or a RegExp) and a number.",
      );
  }
  return patterns as [string | RegExp, number][];
}

/** Python's `re.match`: from the beginning, and with no memory of the last time. */
function matches(expression: RegExp, channel: string): boolean {
  expression.lastIndex = 0;
  return expression.test(channel);
}

function expressionOf(pattern: string | RegExp): RegExp {
  if (pattern instanceof RegExp)
    return new RegExp(pattern.source, `${pattern.flags.replaceAll(/[gy]/g, "")}y`);
  try {
    return new RegExp(`${translate(pattern)}$`, "sy");
  } catch (cause) {
    throw new PetioleError(
      "ERR_OPTION_INVALID",
      `channelLayer(): channelCapacity has the pattern ${describe(pattern)}, which is none.`,
      { cause },
    );
  }
}

/** Python's `fnmatch.translate`: `*`, `?`, `[seq]` and `[!seq]`. */
function translate(pattern: string): string {
  return pattern.replaceAll(/\[(?:![^]|[^!])[^\]]*\]|[^]/g, (part) => {
    if (part === "*") return ".*";
    if (part === "?") return ".";
    if (part.length === 1) return part.replace(/[\\^$.|+()[\]{}/-]/, String.raw`\$&`);
    const negated = part.startsWith("[!");
    const characters = part.slice(negated ? 2 : 1, -1).replaceAll(/[\\\][^]/g, String.raw`\$&`);
    return `[${negated ? "^" : ""}${characters}]`;
  });
}

function invalid(message: string): PetioleError {
  return new PetioleError("ERR_OPTION_INVALID", `channelLayer(): ${message}`);
}

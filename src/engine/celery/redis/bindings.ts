/**
 * Which queues the messages of an exchange are for: Kombu keeps it in a set for each exchange.
 *
 * @module
 */
import type { CeleryExchange } from "../queue-options.ts";
import type { Connection } from "./connection.ts";
import { separator } from "./settings.ts";

/** Tells Python's producers of a queue, as a worker of Python's does that declares it: an exchange of its own name. */
export async function bind(connection: Connection, keyPrefix: string, queue: string): Promise<void> {
  const member = [queue, "", queue].join(separator);
  await connection.call("declaring a queue", ["SADD", `${keyPrefix}_kombu.binding.${queue}`, member]);
  // Since Kombu 5.7, a set without this one may be removed.
  await connection.call("declaring a queue", [
    "SADD",
    `${keyPrefix}_kombu.binding_permanent.${queue}`,
    member,
  ]);
}

/**
 * The same for an exchange that is not called as the queue is, as Kombu's transport does it.
 *
 * @param pattern what the queue is bound by
 */
export async function bindTo(
  connection: Connection,
  keyPrefix: string,
  { name, type = "direct" }: CeleryExchange,
  { queue, pattern }: { readonly queue: string; readonly pattern: string },
): Promise<void> {
  const member = [pattern, type === "topic" ? regexOf(pattern) : "", queue].join(separator);
  for (const set of ["binding", "binding_permanent"])
    await connection.call("declaring a queue", ["SADD", `${keyPrefix}_kombu.${set}.${name}`, member]);
}

/** A pattern of a topic exchange as Python's regular expression, to the letter as Kombu writes it. */
function regexOf(pattern: string): string {
  const wildcards: Readonly<Record<string, string>> = { "*": ".*?[^\\.]", "#": ".*?" };
  const escaped = pattern.replaceAll(/[^\p{L}\p{N}.#*]/gu, (character) => `\\${character}`);
  const words = escaped.split(".").map((word) => wildcards[word] ?? word);
  return `^${words.join("\\.")}$`;
}

/** The queues that a message is for. Where nobody knows, the one that is called as its routing key is. */
export async function queuesOf(
  connection: Connection,
  keyPrefix: string,
  route: { readonly exchange: string; readonly routingKey: string },
): Promise<readonly string[]> {
  const queues = await boundTo(connection, keyPrefix, route);
  return queues.length > 0 ? queues : [route.routingKey];
}

/** The queues that are bound to an exchange by a routing key. */
export async function boundTo(
  connection: Connection,
  keyPrefix: string,
  route: { readonly exchange: string; readonly routingKey: string },
): Promise<readonly string[]> {
  const { exchange, routingKey } = route;
  if (exchange === "") return [routingKey];
  const members = (await connection.call("looking up where a task belongs", [
    "SMEMBERS",
    `${keyPrefix}_kombu.binding.${exchange}`,
  ])) as readonly Buffer[];
  const queues = members.flatMap((member) => {
    const [key = "", pattern = "", queue = ""] = member.toString().split(separator);
    const isFor = pattern === "" ? key === routingKey : matches(key.split("."), routingKey.split("."));
    return isFor && queue !== "" ? [queue] : [];
  });
  return [...new Set(queues)];
}

/** As a topic exchange has it: `*` stands for a word, `#` for any number of them. */
function matches(pattern: readonly string[], words: readonly string[]): boolean {
  /** How many of the words may be used up by what of the pattern was looked at. */
  let used = new Set([0]);
  for (const part of pattern) {
    const next = new Set<number>();
    if (part === "#") for (let at = Math.min(...used); at <= words.length; at++) next.add(at);
    else
      for (const at of used) if (at < words.length && (part === "*" || part === words[at])) next.add(at + 1);
    if (next.size === 0) return false;
    used = next;
  }
  return used.has(words.length);
}

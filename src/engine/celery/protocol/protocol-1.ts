/**
 * Celery's message protocol 1 (`task_protocol = 1`, and Celery before 4), as protocol 2: its headers are in its body.
 *
 * @module
 */
import { describe } from "../../../errors.ts";
import { bodyText, embedText, signatureList } from "./body.ts";
import { isObject, malformed } from "./malformed.ts";
import { uncompressed } from "./compression.ts";
import type { CeleryHeaders, CeleryMessage } from "./message.ts";
import { toWireNumbers } from "./numbers.ts";
import { itemsOf, membersOf } from "./pieces.ts";
import { isDeeperThan } from "../../shared/kept-payload/nesting.ts";

/** A message's headers and the text of its body. */
export interface HeadersAndBody {
  readonly headers: CeleryHeaders;
  readonly text: string;
}

/** What the body of protocol 1 says beside its arguments, and how protocol 2 calls it. */
const names: Readonly<Record<string, string>> = {
  task: "task",
  id: "id",
  retries: "retries",
  eta: "eta",
  expires: "expires",
  timelimit: "timelimit",
  taskset: "group",
  group: "group",
  group_index: "group_index",
  root_id: "root_id",
  parent_id: "parent_id",
};

/** Whether a body's text is one of protocol 1, an object. */
export function isProtocol1(text: string): boolean {
  return /^[ \t\r\n]*\{/.test(text);
}

/**
 * The same message in protocol 2.
 *
 * @param headers those of the message, which hold where both say something
 * @throws DecodeError when it is none
 */
export function fromProtocol1(headers: Readonly<Record<string, unknown>>, text: string): HeadersAndBody {
  const fields = new Map(membersOf(text, "body").map(({ name, value }) => [name, value]));
  const list = (name: string): readonly string[] => signatureList(fields.get(name) ?? "null", `body.${name}`);
  const told = Object.entries(names).flatMap(([name, header]) => {
    const value = fields.get(name);
    // A group is told twice, and by Celery before 4 once, as its `taskset`.
    return value === undefined || value === "null" ? [] : [[header, scalar(value, `body.${name}`)] as const];
  });
  const chord = fields.get("chord") ?? "null";
  const args = fields.get("args") ?? "[]";
  const kwargs = fields.get("kwargs") ?? "null";
  return {
    headers: { ...Object.fromEntries(told), ...headers } as CeleryHeaders,
    text: bodyText({
      args: args === "null" ? [] : itemsOf(args, "body.args"),
      kwargs: kwargs === "null" ? "{}" : kwargs,
      embed: embedText({
        callbacks: list("callbacks"),
        errbacks: list("errbacks"),
        ...(chord !== "null" && { chord }),
      }),
    }),
  };
}

/** The id and the task that a message of protocol 1 names, as far as it can be read; never throws. */
export function namesOfProtocol1(
  { headers, body }: Pick<CeleryMessage, "headers" | "body">,
  maxBytes?: number,
): { readonly id?: string; readonly task?: string } {
  try {
    const compression = (headers as { readonly compression?: unknown }).compression;
    const text = new TextDecoder("utf-8", { fatal: true }).decode(uncompressed(body, compression, maxBytes));
    if (!isProtocol1(text)) return {};
    const fields = new Map(membersOf(text, "body").map(({ name, value }) => [name, value]));
    const name = (of: string): object => {
      const value: unknown = JSON.parse(fields.get(of) ?? "null");
      return typeof value === "string" && value !== "" ? { [of]: value } : {};
    };
    return { ...name("id"), ...name("task") };
  } catch {
    return {};
  }
}

function scalar(text: string, what: string): unknown {
  if (isDeeperThan(text, 3)) throw malformed(what, "a text, a number or null", "nested lists");
  const value: unknown = JSON.parse(toWireNumbers(text, what));
  if (isObject(value)) throw malformed(what, "a text, a number or null", describe(value));
  return value;
}

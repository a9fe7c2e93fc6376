/** What becomes of a kind of value in a place, held against the table. @module */
import { EncodeError } from "../../src/wire/index.ts";
import type { Kind } from "./kinds.ts";
import { places, type Place } from "./places.ts";
import { difference } from "./same.ts";

/** In which places something else becomes of a kind than the table says, and what. */
export function failuresOf(kind: Kind): string[] {
  const failures: string[] = [];
  for (const place of places) {
    if ((kind.large && !place.roomy) || (kind.once && place.twice)) continue;
    const failure = failureIn(kind, place);
    if (failure !== undefined) failures.push(`${place.name}: ${failure}`);
  }
  return failures;
}

function failureIn(kind: Kind, place: Place): string | undefined {
  try {
    return kind.fate === "refused" ? isRefused(kind, place) : travels(kind, place);
  } catch (error) {
    return `threw ${String(error).slice(0, 300)}`;
  }
}

/** What a kind should arrive as, made beside what is sent. */
function pair(kind: Kind, { around }: Place): { sent: unknown; expected: unknown } {
  const arriving: unknown[] = [];
  const sent = around(() => {
    const value = kind.make();
    arriving.push(kind.arrives ? kind.arrives(value as never) : value);
    return value;
  });
  return {
    sent,
    expected:
      kind.fate === "data"
        ? withStackOf(
            sent,
            around(() => arriving.shift()),
          )
        : sent,
  };
}

/** The error that a place puts around a value was made twice. */
function withStackOf(one: unknown, other: unknown): unknown {
  if (!(one instanceof Error && other instanceof Error) || one.message !== "around") return other;
  return Object.defineProperty(other, "stack", { value: one.stack });
}

function travels(kind: Kind, place: Place): string | undefined {
  const { sent, expected } = pair(kind, place);
  const text = place.wire.encode(sent);
  const arrived = place.wire.decode(text);
  const found = difference(expected, arrived);
  if (found !== undefined) return `SILENTLY CHANGED: ${found}`;
  // What is not data may have made the encoder choose another way.
  const isAgain = kind.fate === "data" || place.wire.encode(arrived) === text;
  return isAgain ? undefined : "encoded again, it is another text";
}

function isRefused(kind: Kind, place: Place): string | undefined {
  const sent = place.around(kind.make);
  let text: string;
  try {
    text = place.wire.encode(sent);
  } catch (error) {
    return error instanceof EncodeError ? isNamed(error, kind, place) : `threw ${String(error)}`;
  }
  const found = difference(sent, place.wire.decode(text));
  if (found !== undefined) return `SILENTLY CHANGED, not refused: ${found}`;
  return "travels exactly: say so in the table";
}

/** Whether an error tells where and what. */
function isNamed({ refusals }: EncodeError, kind: Kind, { path: root }: Place): string | undefined {
  const path = kind.path ?? "";
  const told = refusals.map((refusal) => `${refusal.path} ${refusal.kind}`).join("; ");
  const there = refusals.filter((refusal) =>
    path === "…" ? refusal.path.startsWith(root) : refusal.path === root + path,
  );
  if (there.length === 0) return `refused at another path than ${root}${path}: ${told}`;
  const isTold = there.some((refusal) => kind.kind!.test(refusal.kind) && refusal.advice !== "");
  return isTold ? undefined : `refused by another name than ${kind.kind}: ${told}`;
}

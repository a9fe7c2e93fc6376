/** Watches what no text may touch: prototypes, globals, the process. @module */
import { DecodeError, LimitError, PetioleError } from "../../src/wire/index.ts";
import { values } from "./classes.ts";

/** An object as it was: its prototype and its own properties. */
interface State {
  readonly prototype: object | null;
  readonly extensible: boolean;
  readonly properties: ReadonlyMap<PropertyKey, PropertyDescriptor>;
}

const attributes = ["value", "get", "set", "writable", "enumerable", "configurable"] as const;

/** The names under which hostile texts look for something to run. */
export const canary = "PetioleCanary";

/** Code that would show itself, if any text were run. */
export const code = `globalThis.${canary}Ran = true`;

/** Snapshot of all that is built in, and of the classes of these tests; tells what has changed since. */
export class Guard {
  readonly #states = new Map<object, State>();
  #touched: string[] = [];

  constructor() {
    const touch = (how: string): void => void this.#touched.push(how);
    class Canary {
      constructor() {
        touch("new");
      }
      static from(): void {
        touch("from");
      }
      static fromBase64(): void {
        touch("fromBase64");
      }
    }
    Object.defineProperty(globalThis, canary, { value: Canary, configurable: true });
    for (const of of builtIns()) this.#states.set(of, stateOf(of));
  }

  /** What has changed, or was reached, since the guard was made; empty when all is well. */
  changes(): string[] {
    const found = [...this.#touched];
    if (`${canary}Ran` in globalThis) found.push("text was run");
    for (const [of, was] of this.#states) {
      const name = String((of as { constructor?: { name?: string } }).constructor?.name ?? "?");
      if (Object.getPrototypeOf(of) !== was.prototype) found.push(`the prototype of ${name}`);
      if (Object.isExtensible(of) !== was.extensible) found.push(`whether ${name} is frozen`);
      const keys = Reflect.ownKeys(of);
      for (const key of keys) if (!was.properties.has(key)) found.push(`${name} has ${String(key)}`);
      for (const [key, before] of was.properties) {
        const now = Object.getOwnPropertyDescriptor(of, key);
        const isSame = attributes.every((attribute) => Object.is(before[attribute], now?.[attribute]));
        if (!isSame) found.push(`${name} has another ${String(key)}`);
      }
    }
    return found;
  }
}

function stateOf(of: object): State {
  const keys = Reflect.ownKeys(of);
  return {
    prototype: Object.getPrototypeOf(of) as object | null,
    extensible: Object.isExtensible(of),
    properties: new Map(keys.map((key) => [key, Object.getOwnPropertyDescriptor(of, key)!])),
  };
}

/** Everything that `globalThis` holds, two steps deep, and what has no name of its own. */
function builtIns(): Set<object> {
  const found = new Set<object>();
  const add = (value: unknown): void => {
    if ((typeof value === "object" && value !== null) || typeof value === "function") found.add(value);
  };
  const hidden = [
    Object.getPrototypeOf(Uint8Array),
    Object.getPrototypeOf([].values()),
    Object.getPrototypeOf(new Map().entries()),
    Object.getPrototypeOf(new Set().values()),
    Object.getPrototypeOf(function* () {}),
    Object.getPrototypeOf(async function () {}),
    PetioleError,
    DecodeError,
    LimitError,
    ...values.map((entry) => ("class" in entry ? entry.class : entry)),
  ] as object[];
  for (const key of Object.getOwnPropertyNames(globalThis)) {
    const { value } = Object.getOwnPropertyDescriptor(globalThis, key)!;
    if (/^[A-Z]/.test(key)) hidden.push(value as object);
  }
  for (const value of hidden) {
    add(value);
    if (typeof value === "function") add((value as { prototype: unknown }).prototype);
  }
  for (const key of ["Intl", "WebAssembly", "Temporal"]) {
    const namespace = (globalThis as Record<string, unknown>)[key] ?? {};
    for (const part of Object.values(Object.getOwnPropertyDescriptors(namespace))) {
      add(part.value);
      if (typeof part.value === "function") add((part.value as { prototype: unknown }).prototype);
    }
  }
  return found;
}

const codes: ReadonlySet<string> = new Set(["ERR_TEXT_UNDECODABLE", "ERR_TYPE_UNKNOWN", "ERR_PAYLOAD_LIMIT"]);

/** What is wrong with an error that decoding threw; undefined when it is one of ours. */
export function wrongWith(error: unknown): string | undefined {
  if (!(error instanceof DecodeError || error instanceof LimitError)) return `threw ${String(error)}`;
  if (!codes.has(error.code)) return `threw with the code ${error.code}`;
  if (error.message.length > 100_000) return `a message of ${error.message.length} characters`;
  return undefined;
}

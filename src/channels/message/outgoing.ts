/**
 * What a message may hold, so that it arrives in Python as it is, and what of it is written.
 *
 * @module
 */
import { EncodeError, LimitError, className, type Refusal } from "../../errors.ts";

/** What a message is written in. */
export type Format = "msgpack" | "json";

/** Bounds on one message, when it is sent and when it is received. */
export interface ChannelLimits {
  /** Bytes, before they are encrypted. 1 MiB unless told. */
  readonly bytes: number;
  /** Levels of nesting. 511 unless told: what Python's msgpack writes. */
  readonly depth: number;
}

/** What channels_redis keeps the process-local names in. */
export const reserved = "__asgi_channel__";

const most = 100;

/** From here on JavaScript writes a number with an exponent, and Python has a float of it in both formats. */
const leastFloat = 1e21;

/** What is written: a copy, without prototypes. */
export type Prepared = Record<string, unknown>;

/**
 * A copy of a message as it is written.
 *
 * @param target where it is to go, for errors: `channel jobs`
 * @throws EncodeError with every place that would not arrive as it is
 * @throws LimitError
 */
export function prepare(target: string, message: unknown, format: Format, limits: ChannelLimits): Prepared {
  const walk = new Walk(format, limits);
  walk.checkType(message);
  const prepared = walk.copy(message, "message", 1);
  if (walk.count > 0) throw new EncodeError(`this message to ${target}`, walk.refusals, walk.count);
  return prepared as Prepared;
}

/** What a value is, and what to send in its place. */
type Told = Omit<Refusal, "path">;

const lone: Told = { kind: "lone surrogate", advice: "half a character; UTF-8 has no form for it" };

class Walk {
  readonly refusals: Refusal[] = [];
  count = 0;
  readonly #format: Format;
  readonly #limits: ChannelLimits;
  readonly #open = new Set<object>();
  #nodes = 0;

  constructor(format: Format, limits: ChannelLimits) {
    this.#format = format;
    this.#limits = limits;
  }

  /** Without a type that it can use, `runworker` ends, or its consumer does. */
  checkType(message: unknown): void {
    if (!isPlain(message)) {
      this.#refuse("message", {
        kind: kindOf(message),
        advice: 'send a plain object: { type: "chat.said" }',
      });
      return;
    }
    const { type } = message as { type?: unknown };
    const advice = 'the name of a handler: "chat.said" is Python\'s method chat_said';
    if (typeof type !== "string") this.#refuse("message.type", { kind: kindOf(type), advice });
    else if (type === "") this.#refuse("message.type", { kind: "empty string", advice });
    else if (/^[._]/.test(type))
      this.#refuse("message.type", {
        kind: `string ${JSON.stringify(type.slice(0, 40))}`,
        advice: 'Channels refuses names that begin with "_" or "."',
      });
    if (Object.hasOwn(message, reserved))
      this.#refuse(`message.${reserved}`, { kind: "reserved key", advice: "the layer's own; rename it" });
  }

  copy(value: unknown, path: string, depth: number): unknown {
    // Each is a byte at least: one object in many places must not become more than can be sent.
    if (++this.#nodes > this.#limits.bytes)
      throw new LimitError("message", "bytes", this.#limits.bytes, this.#nodes);
    switch (typeof value) {
      case "string":
        return value.isWellFormed() ? value : this.#refuse(path, lone);
      case "number":
        return this.#number(value, path);
      case "bigint":
        if (value < -(2n ** 63n) || value >= 2n ** 64n)
          return this.#refuse(path, { kind: "bigint", advice: "MessagePack ends at 64 bits; send a string" });
        return this.#format === "json" ? rawJson(value) : value;
      case "boolean":
        return value;
      case "object":
        return value === null ? null : this.#object(value, path, depth);
      default:
        return this.#refuse(path, { kind: kindOf(value), advice: adviceFor(value) });
    }
  }

  #number(value: number, path: string): unknown {
    if (Object.is(value, -0))
      return this.#refuse(path, { kind: "number -0", advice: "it would arrive as 0; send 0" });
    // JSON would write other digits than those of the number; MessagePack would make a float of it.
    if (Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) < leastFloat)
      return this.#refuse(path, { kind: `number ${value}`, advice: adviceForLarge(value) });
    if (this.#format === "json") {
      if (!Number.isFinite(value))
        return this.#refuse(path, { kind: `number ${value}`, advice: "JSON has no such number; send null" });
      return value;
    }
    // What the library would write as a float beside bigints, so that Python had a float.
    const isLarge = Number.isSafeInteger(value) && (value >= 2 ** 32 || value < -(2 ** 31));
    return isLarge ? BigInt(value) : value;
  }

  #object(value: object, path: string, depth: number): unknown {
    if (depth > this.#limits.depth) throw new LimitError("message", "depth", this.#limits.depth, depth);
    if (isBytes(value)) {
      if (this.#format === "msgpack") return new Uint8Array(value);
      return this.#refuse(path, {
        kind: "bytes",
        advice: 'JSON has none; send Buffer.from(it).toString("base64")',
      });
    }
    if (this.#open.has(value))
      return this.#refuse(path, { kind: "cycle", advice: "it contains itself; send what is new in it" });
    const isList = Array.isArray(value) && Object.getPrototypeOf(value) === Array.prototype;
    if (!isList && !isPlain(value))
      return this.#refuse(path, { kind: kindOf(value), advice: adviceFor(value) });
    this.#open.add(value);
    const copied = isList ? this.#list(value, path, depth) : this.#map(value, path, depth);
    this.#open.delete(value);
    return copied;
  }

  #list(list: readonly unknown[], path: string, depth: number): unknown {
    if (Object.keys(list).length !== list.length)
      return this.#refuse(path, {
        kind: "array",
        advice: "it has holes, or properties of its own; send a plain one: Array.from(it)",
      });
    return list.map((item, at) => this.copy(item, `${path}[${at}]`, depth + 1));
  }

  #map(map: object, path: string, depth: number): unknown {
    const copied = Object.create(null) as Prepared;
    for (const key of Reflect.ownKeys(map)) {
      if (typeof key === "symbol") {
        this.#refuse(path, { kind: "symbol as a key", advice: "keys are strings" });
        continue;
      }
      if (!Object.prototype.propertyIsEnumerable.call(map, key)) continue;
      const place = /^[A-Za-z_$][\w$]*$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`;
      if (!key.isWellFormed()) this.#refuse(place, lone);
      else if (key === "__proto__")
        this.#refuse(place, { kind: "key", advice: "TypeScript does not receive this name; rename it" });
      else copied[key] = this.copy((map as Prepared)[key], place, depth + 1);
    }
    return copied;
  }

  #refuse(path: string, told: Told): undefined {
    this.count++;
    if (this.refusals.length < most) this.refusals.push({ path, ...told });
    return undefined;
  }
}

function isPlain(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function isBytes(value: object): value is Uint8Array {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Uint8Array.prototype || prototype === Buffer.prototype;
}

function kindOf(value: unknown): string {
  if (typeof value !== "object" || value === null) return value === null ? "null" : typeof value;
  return className(value) ?? "object";
}

function adviceFor(value: unknown): string {
  if (value === undefined) return "Python has no such value; leave it out, or send null";
  if (typeof value !== "object") return "send data";
  if (value instanceof Date)
    return "there are no times in messages; send it.toISOString(), or its milliseconds";
  if (value instanceof Map) return "send a plain object: Object.fromEntries(it)";
  if (value instanceof Set || Array.isArray(value)) return "send a plain array: Array.from(it)";
  if (ArrayBuffer.isView(value))
    return "send its bytes: new Uint8Array(it.buffer, it.byteOffset, it.byteLength)";
  if (value instanceof ArrayBuffer) return "send its bytes: new Uint8Array(it)";
  return "an instance of a class arrives as none; send a plain object, or the key of its row";
}

function adviceForLarge(value: number): string {
  const why = "beyond 2^53 a number is not every whole number";
  // 2^64 is the first that a bigint may not be, and -2^63 the last.
  return value >= 2 ** 64 || value < -(2 ** 63)
    ? `${why}, and integers end at 64 bits; send a string`
    : `${why}; send a bigint`;
}

/** `JSON.rawJSON`, as Node has it since 22. */
function rawJson(value: bigint): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(String(value));
}

/**
 * Error and its built-in subclasses: name, message, stack, cause and own properties.
 *
 * The name picks one of a closed list of constructors, never a global.
 *
 * @module
 */
import { describe } from "../../errors.ts";
import { Malformed, Unportable, type Tag } from "../tag.ts";

const classes: readonly ErrorConstructor[] = [
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
];

const byName = new Map(classes.map((constructor) => [constructor.name, constructor]));

/** The prototypes that this tag stands for. */
export const errorPrototypes: readonly object[] = classes.map(
  (constructor) => constructor.prototype as object,
);

/** Own properties that a platform gives to errors; they are not enumerable there. */
const hidden = ["message", "stack", "cause"] as const;

export const errorTag: Tag<Error> = {
  name: "error",
  layout: "fields",
  identity: true,
  keepsProperties: true,
  write(value) {
    const constructor = byName.get((Object.getPrototypeOf(value) as Error).constructor.name);
    if (!constructor || Object.prototype.toString.call(value) !== "[object Error]") {
      throw new Unportable("it only looks like an Error: send a real one, or plain data");
    }
    const fields: Record<string, unknown> = { name: constructor.name };
    for (const key of hidden) if (Object.hasOwn(value, key)) fields[key] = value[key];
    for (const key of ["message", "stack"] as const) {
      if (key in fields && typeof fields[key] !== "string") {
        throw new Unportable(`its ${key} is not text: ${describe(fields[key])}`);
      }
    }
    for (const key of [...hidden, "name"] as const) {
      const own = Object.getOwnPropertyDescriptor(value, key);
      const usual = key === "name" ? own?.enumerable !== false : own?.enumerable !== true;
      if (!usual) throw new Unportable(`its ${key} is an unusual property: send a plain Error`);
    }
    const others = Object.keys(value).filter((key) => !(hidden as readonly string[]).includes(key));
    if (others.length > 0) {
      fields["properties"] = Object.fromEntries(others.map((key) => [key, (value as never)[key]]));
    }
    return fields;
  },
  open(content) {
    const { name } = content as Record<string, unknown>;
    const constructor = typeof name === "string" ? byName.get(name) : undefined;
    if (!constructor)
      throw new Malformed(`one of ${[...byName.keys()].join(", ")} as its name`, describe(name));
    return new constructor();
  },
  read(content, _limits, opened) {
    const { name: _name, message, stack, properties, ...rest } = content as Record<string, unknown>;
    const error = opened as Error;
    for (const [key, text] of Object.entries({ message, stack })) {
      if (text === undefined) Reflect.deleteProperty(error, key);
      else if (typeof text !== "string") throw new Malformed(`text as its ${key}`, describe(text));
      else define(error, key, text, false);
    }
    if ("cause" in rest) define(error, "cause", rest["cause"], false);
    const unknown = Object.keys(rest).find((key) => key !== "cause");
    if (unknown !== undefined) throw new Malformed("the parts of an error", `a part ${describe(unknown)}`);
    if (properties !== undefined) {
      if (typeof properties !== "object" || properties === null || Array.isArray(properties)) {
        throw new Malformed("an object of its own properties", describe(properties));
      }
      for (const [key, value] of Object.entries(properties)) {
        if ((hidden as readonly string[]).includes(key))
          throw new Malformed("its own properties alone", describe(key));
        define(error, key, value, true);
      }
    }
    return error;
  },
};

function define(error: Error, key: string, value: unknown, enumerable: boolean): void {
  Object.defineProperty(error, key, { value, enumerable, writable: true, configurable: true });
}

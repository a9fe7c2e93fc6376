/**
 * Errors of the platform's own classes: name, message, stack, cause, errors and own properties.
 *
 * The name picks one of a closed list of constructors, never a global.
 *
 * @module
 */
import { describe } from "../../errors.ts";
import {
  Malformed,
  Unportable,
  checkText,
  define,
  partsOf,
  platformKind,
  takeRecord,
  type Tag,
} from "../tag.ts";

/** The classes that this tag stands for. */
export const errorClasses = [
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
  AggregateError,
  DOMException,
] as const;

/** Own properties that a platform gives to errors; they are not enumerable there. */
const texts = ["message", "stack"];
const hidden = [...texts, "cause", "errors"];

export const errorTag: Tag<Error> = {
  name: "error",
  layout: "fields",
  identity: true,
  keepsProperties: true,
  keepsSymbols: true,
  write(value) {
    const own = Object.getPrototypeOf(value) as object;
    // An error of another realm has another prototype, of the same name.
    const { name } = errorClasses.find(({ prototype }) => prototype === own) ?? own.constructor;
    const isDom = name === "DOMException";
    if (platformKind(value) !== (isDom ? name : "Error")) {
      throw new Unportable("it only looks like an Error: send a real one, or plain data");
    }
    if (isDom && hidesDom(value))
      throw new Unportable("it hides the message or the name that it was made with");
    const fields: Record<string, unknown> = { name };
    if (isDom) Object.assign(fields, { message: value.message, domName: value.name });
    for (const key of ["name", ...hidden]) {
      if (Object.getOwnPropertyDescriptor(value, key)?.enumerable !== false) continue;
      if (key === "name") throw new Unportable("its name is an unusual property: send a plain Error");
      const part: unknown = (value as never)[key];
      if (texts.includes(key) && typeof part !== "string")
        throw new Unportable(`its ${key} is not text: ${describe(part)}`);
      fields[key] = part;
    }
    const properties = { ...value };
    if (Reflect.ownKeys(properties).length > 0) fields["properties"] = properties;
    return fields;
  },
  open(content) {
    const { name, message, domName } = partsOf(content);
    const of = errorClasses.find((each) => each.name === name);
    if (!of) {
      const names = errorClasses.map((each) => each.name).join(", ");
      throw new Malformed(`one of ${names} as its name`, describe(name));
    }
    // Its message and name cannot be set afterwards.
    if (of === DOMException)
      return new DOMException(
        checkText(message, "text as its message"),
        checkText(domName, "text as its domName"),
      );
    return of === AggregateError ? new AggregateError([]) : new (of as ErrorConstructor)();
  },
  read(content, _reading, opened) {
    const error = opened as Error;
    const { name, domName, properties, ...fields } = partsOf(content);
    const isDom = name === "DOMException";
    const unknown = Object.keys(fields).find((key) => !hidden.includes(key));
    if (unknown !== undefined || (domName !== undefined && !isDom))
      throw new Malformed("the parts of an error", describe(unknown ?? domName));
    for (const key of hidden) {
      if (isDom && key === "message") continue;
      const part = fields[key];
      if (!Object.hasOwn(fields, key)) Reflect.deleteProperty(error, key);
      else define(error, key, texts.includes(key) ? checkText(part, `text as its ${key}`) : part, false);
    }
    if (properties === undefined) return error;
    const own = takeRecord(properties, "properties");
    if (isDom && hidesDom(own)) throw new Malformed("no properties that hide its message or name", "one");
    for (const key of Reflect.ownKeys(own)) define(error, key, own[key as string]);
    return error;
  },
};

/** The message and the name of a DOMException are no properties of its own. */
function hidesDom(properties: object): boolean {
  return Object.hasOwn(properties, "message") || Object.hasOwn(properties, "name");
}

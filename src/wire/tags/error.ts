/**
 * Errors of the platform's own classes: name, message, stack, cause, errors and own properties.
 *
 * The name picks one of a closed list of constructors, never a global.
 *
 * @module
 */
import { describe } from "../../errors.ts";
import { keysOf } from "./object.ts";
import { Malformed, Unportable, checkText, define, partsOf, takeRecord, type Tag } from "../tag.ts";

type Make = (content: Readonly<Record<string, unknown>>) => Error;

/** How each class is made, by name. */
const classes = new Map<string, { readonly prototype: object; readonly make: Make }>();

for (const builtIn of [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError]) {
  classes.set(builtIn.name, { prototype: builtIn.prototype, make: () => new builtIn() });
}
classes.set("AggregateError", { prototype: AggregateError.prototype, make: () => new AggregateError([]) });
classes.set("DOMException", {
  prototype: DOMException.prototype,
  // Its message and name cannot be set afterwards.
  make: ({ message, domName }) =>
    new DOMException(checkText(message, "text as its message"), checkText(domName, "text as its domName")),
});

/** The prototypes that this tag stands for. */
export const errorPrototypes: readonly object[] = [...classes.values()].map(({ prototype }) => prototype);

const nameOf = new Map([...classes].map(([name, { prototype }]) => [prototype, name]));

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
    // An error of another realm has another prototype, of the same name.
    const prototype = Object.getPrototypeOf(value) as object;
    const name = nameOf.get(prototype) ?? prototype.constructor.name;
    const isDom = name === "DOMException";
    if (Object.prototype.toString.call(value) !== `[object ${isDom ? name : "Error"}]`) {
      throw new Unportable("it only looks like an Error: send a real one, or plain data");
    }
    const fields: Record<string, unknown> = { name };
    if (isDom && hidesDom(value))
      throw new Unportable("it hides the message or the name that it was made with");
    if (isDom) Object.assign(fields, { message: value.message, domName: value.name });
    const isHidden = (key: string): boolean =>
      Object.getOwnPropertyDescriptor(value, key)?.enumerable === false;
    for (const key of hidden) if (isHidden(key)) fields[key] = (value as never)[key];
    if (isHidden("name")) throw new Unportable("its name is an unusual property: send a plain Error");
    const properties = {};
    for (const key of keysOf(value)) define((fields["properties"] = properties), key, (value as never)[key]);
    for (const key of texts) {
      if (key in fields && typeof fields[key] !== "string")
        throw new Unportable(`its ${key} is not text: ${describe(fields[key])}`);
    }
    return fields;
  },
  open(content) {
    const fields = partsOf(content);
    const of = classes.get(fields["name"] as string);
    if (!of)
      throw new Malformed(`one of ${[...classes.keys()].join(", ")} as its name`, describe(fields["name"]));
    return of.make(fields);
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
      if (!Object.hasOwn(fields, key)) Reflect.deleteProperty(error, key);
      else
        define(
          error,
          key,
          texts.includes(key) ? checkText(fields[key], `text as its ${key}`) : fields[key],
          false,
        );
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

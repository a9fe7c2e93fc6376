/**
 * Replacing methods of objects that Kysely made, one object at a time: its classes stay as they are.
 *
 * @module
 */

/** A method, whatever it takes. */
export type Method = (...parameters: never[]) => unknown;

/** The methods that give another instance of the same connection, or the same transaction. */
const deriving = [
  "withPlugin",
  "withoutPlugins",
  "withSchema",
  "withTables",
  "$extendTables",
  "$omitTables",
  "$pickTables",
];

/** Puts what `make` makes of a method in its place; where there is none, nothing. */
export function replaceMethod<Original extends Method>(
  owner: object,
  name: string,
  make: (original: Original) => Original,
): void {
  const original: unknown = Reflect.get(owner, name);
  if (typeof original !== "function") return;
  // Kysely's fields are private: its methods run on their own object only.
  const value = make(original.bind(owner) as Original);
  Object.defineProperty(owner, name, { value, configurable: true, writable: true, enumerable: false });
}

/** Has `tell` called with whatever is derived from an instance or a transaction. */
export function tellDerived(owner: object, tell: (derived: object) => void): void {
  for (const name of deriving) {
    replaceMethod(owner, name, (derive: (...parameters: never[]) => object) => (...parameters) => {
      const derived = derive(...parameters);
      tell(derived);
      return derived;
    });
  }
}

/** Has what a command does when it is executed replaced, of a method that returns commands. */
export function replaceCommand<Result>(
  owner: object,
  name: string,
  make: (execute: () => Promise<Result>, parameter: string) => () => Promise<Result>,
): void {
  replaceMethod(owner, name, (command: (parameter: string) => object) => (parameter) => {
    const made = command(parameter);
    replaceMethod(made, "execute", (execute: () => Promise<Result>) => make(execute, parameter));
    return made;
  });
}

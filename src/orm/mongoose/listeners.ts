/**
 * Who listens to an object of the user's: however many adapters do, it is instrumented once.
 *
 * @module
 */

/** Listeners to objects of one kind. */
export class ListenersOf<Target extends object, Listener> {
  readonly #listeners = new WeakMap<Target, Set<Listener>>();
  readonly #instrument: (target: Target, listeners: ReadonlySet<Listener>) => void;

  /** @param instrument - makes a target tell those who listen, whoever they are by then */
  constructor(instrument: (target: Target, listeners: ReadonlySet<Listener>) => void) {
    this.#instrument = instrument;
  }

  /** Adds a listener, and gives the function that takes it away. The same one twice is one. */
  add(target: Target, listener: Listener): () => void {
    let listeners = this.#listeners.get(target);
    if (listeners === undefined) {
      listeners = new Set();
      this.#listeners.set(target, listeners);
      this.#instrument(target, listeners);
    }
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  /** Those who listen to a target now. */
  of(target: Target): Iterable<Listener> {
    return this.#listeners.get(target) ?? [];
  }
}

/** Puts a function of one's own in the place of a method, on this object alone. */
export function replaceMethod(
  target: object,
  name: string,
  replacement: (
    original: (self: unknown, parameters: unknown[]) => unknown,
    self: object,
    parameters: unknown[],
  ) => unknown,
): void {
  const method: unknown = Reflect.get(target, name);
  if (typeof method !== "function") return;
  const original = (self: unknown, parameters: unknown[]): unknown =>
    Reflect.apply(method as () => unknown, self, parameters);
  Object.defineProperty(target, name, {
    configurable: true,
    writable: true,
    value(this: object, ...parameters: unknown[]): unknown {
      return replacement(original, this, parameters);
    },
  });
}

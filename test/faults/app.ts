/** The app whose tasks leave an effect each: the same in the process that sends and in its workers. @module */
import { Petiole } from "petiole";
import type { Engine } from "../../src/engine.ts";

/** A task to be done. Times are in milliseconds. */
export interface Errand {
  /** Unique, over a whole run of the tests. */
  readonly number: number;
  /** What no JSON carries, so that what arrives is Petiole's. */
  readonly due: Date;
  /** How long the first run takes, after its effect. It takes no notice of `job.signal`, so that it ends late. */
  readonly first: number;
  /** How long each later run takes. */
  readonly later: number;
  /** Takes room. */
  readonly ballast?: string;
}

/** What a run returns. */
export interface Done {
  readonly number: number;
  readonly run: string;
}

/** The app on an engine, and its task, which has a handler in workers only. */
export function makeApp(engine: Engine) {
  const app = new Petiole({ engine });
  return { app, errand: app.task<Errand, Done>("faults.errand") };
}

/** The engine with some methods replaced. */
export function replacing(engine: Engine, replaced: Partial<Engine>): Engine {
  return new Proxy(engine, {
    get(target, name) {
      if (Object.hasOwn(replaced, name)) return Reflect.get(replaced, name);
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

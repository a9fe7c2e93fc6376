/**
 * Canvas: tasks that are sent together, one after the other, side by side, or one for the results of many. Plain data until
 * it is enqueued, so that one may be a part of another.
 *
 * @module
 */
import type { Petiole } from "../../../task/petiole.ts";
import type { Element } from "./elements.ts";
import { canvasElement, elementOf, withExtras } from "./elements.ts";
import { send } from "./enqueue.ts";
import type { CanvasHandle } from "./handles.ts";
import type { CanvasOptions, CheckedAfter, Nothing, Stamps, TakesNothing } from "./types.ts";

declare const takes: unique symbol;
declare const gives: unique symbol;
declare const flat: unique symbol;

/** The arguments of `enqueue` after the app. */
type Given<Takes> =
  TakesNothing<Takes> extends true
    ? [payload?: undefined, options?: CanvasOptions]
    : undefined extends Takes
      ? [payload?: Takes, options?: CanvasOptions]
      : [payload: Takes, options?: CanvasOptions];

// Any app: its types are those of its tasks.
type App = Pick<Petiole, "engine"> & object;

/**
 * A canvas. Made by {@link chain}, {@link group}, {@link chord}, {@link chunks} and {@link signature}. It is never changed:
 * its methods make another one.
 *
 * `Takes` is what `enqueue` is to be given, or what is before it gives; `Gives` what it comes to; of
 * a group, `Flat` is what it gives in a chord's header, where the results of groups in it stand in their places.
 */
export class Canvas<Takes = Nothing, Gives = unknown, Flat = unknown> {
  declare readonly [takes]?: (taken: Takes) => void;
  declare readonly [gives]?: Gives;
  declare readonly [flat]?: Flat;
  /** What it is made of. */
  readonly [canvasElement]: Element;

  /** Made by the functions alone. */
  constructor(element: Element) {
    this[canvasElement] = element;
  }

  /**
   * With a task, or another canvas, that is sent after its success, with its result: of a chain after that of the last
   * step, of a chord after the body.
   *
   * @throws PetioleError `ERR_OPTION_INVALID` for a group, whose results are a chord's to give
   */
  link<const Callback>(callback: CheckedAfter<Callback, Gives>): Canvas<Takes, Gives, Flat> {
    return new Canvas(withExtras(this[canvasElement], { link: [elementOf(callback, "link()")] }));
  }

  /**
   * With a task, or another canvas, that is sent when one of its tasks has failed, with that one's id: of a chain whichever
   * failed, of a chord the body's, which fails when a part of the header has.
   */
  linkError<const Errback>(errback: CheckedAfter<Errback, string>): Canvas<Takes, Gives, Flat> {
    return new Canvas(withExtras(this[canvasElement], { linkError: [elementOf(errback, "linkError()")] }));
  }

  /**
   * With stamps on each of its tasks, and on what is linked to them. A task's own stay.
   *
   * @throws PetioleError `ERR_OPTION_INVALID` for a name that Celery has an option for
   */
  stamp(stamps: Stamps): Canvas<Takes, Gives, Flat> {
    return new Canvas(withExtras(this[canvasElement], { stamps }));
  }

  /**
   * Sends it. Resolves when the engine has accepted it, or, inside `app.transaction`, at once.
   *
   * @throws EncodeError when something in the payloads cannot travel
   * @throws PetioleError `ERR_ENGINE_UNSUPPORTED` where the app's engine is not Celery's, or for a chord whose results are
   *   not kept in Redis; and as `task.enqueue`
   *
   * @example
   * const handle = await chain(load, group(small, large), join).enqueue(app, { url });
   * const joined = await handle.result();
   */
  async enqueue(app: App, ...[payload, options]: Given<Takes>): Promise<CanvasHandle<Gives>> {
    return (await send(app, this[canvasElement], payload, options)) as CanvasHandle<Gives>;
  }
}

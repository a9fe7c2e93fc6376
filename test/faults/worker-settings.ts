/** What a worker process is told when it is started, and what it says. @module */
import type { Json } from "../../src/message.ts";

/** Where in its work a worker kills itself. */
export type Point =
  /** It has claimed tasks, and begun none. */
  | "claimed"
  /** A task has had its effect. */
  | "effect"
  /** It has asked the engine to take the end of a run, and heard nothing yet. */
  | "settling"
  /** The engine has taken the end of a run. */
  | "settled";

/** All of them. */
export const points: readonly Point[] = ["claimed", "effect", "settling", "settled"];

/** Given to the worker program as JSON. */
export interface WorkerSettings {
  readonly name: string;
  readonly engine: string;
  /** What the engine's module opens. */
  readonly config: Json;
  /** The file of the effects. */
  readonly effects: string;
  /** In milliseconds; the worker's default where it is left out. */
  readonly lease?: number;
  readonly concurrency?: number;
  /** It kills itself when it comes to `point` for the `after`th time. */
  readonly death?: { readonly point: Point; readonly after: number };
}

/** What it tells the process that started it. */
export type Said = { readonly ready: true } | { readonly log: string };

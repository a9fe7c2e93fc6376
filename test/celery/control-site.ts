/**
 * Celery's own tools against a broker, as processes: `celery inspect`, `celery control`, `celery events`, Flower.
 *
 * @module
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { freePort } from "../services/server.ts";
import { python, pythonEnvironment } from "../services/python.ts";
import type { SitePlaces } from "./site.ts";

const folder = fileURLToPath(new URL("site", import.meta.url));

function environmentOf(places: SitePlaces): NodeJS.ProcessEnv {
  return {
    ...pythonEnvironment(folder),
    ...places.environment,
    BROKER: places.broker,
    BACKEND: places.backend,
    NO_COLOR: "1",
  };
}

function start(places: SitePlaces, parameters: readonly string[]): ChildProcess {
  return spawn(python, ["-m", "celery", "-A", "site_app", ...parameters], {
    cwd: tmpdir(),
    env: environmentOf(places),
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** What a command of Celery's has printed. */
export interface CeleryRun {
  readonly code: number | null;
  readonly out: string;
}

/** Runs one: `["inspect", "ping"]`. */
export async function runCelery(places: SitePlaces, parameters: readonly string[]): Promise<CeleryRun> {
  const child = start(places, parameters);
  let out = "";
  for (const stream of [child.stdout!, child.stderr!])
    stream.setEncoding("utf8").on("data", (text: string) => (out += text));
  const hurry = setTimeout(() => child.kill("SIGKILL"), 30_000);
  const [code] = (await once(child, "close")) as [number | null];
  clearTimeout(hurry);
  return { code, out };
}

/** What workers have answered, in what a command prints that is told `--json`. */
export function answersIn(out: string): Readonly<Record<string, unknown>> {
  const line = out.split("\n").findLast((each) => /^[[{]/.test(each)) ?? "null";
  const answers: unknown = JSON.parse(line);
  // `control` answers with a list of answers.
  return (Array.isArray(answers) ? Object.assign({}, ...answers) : answers) as Record<string, unknown>;
}

/** A process of Celery's that runs until it is stopped. */
export interface CeleryProcess {
  readonly said: () => string;
  stop(): Promise<void>;
}

function running(child: ChildProcess): CeleryProcess {
  let said = "";
  for (const stream of [child.stdout!, child.stderr!])
    stream.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-500_000)));
  const end = (): boolean => child.kill("SIGKILL");
  process.once("exit", end);
  return {
    said: () => said,
    async stop() {
      process.off("exit", end);
      if (child.exitCode !== null || child.signalCode !== null) return;
      const closed = once(child, "close");
      end();
      await closed;
    },
  };
}

/** `celery events --dump`: prints each event. */
export function startDump(places: SitePlaces): CeleryProcess {
  return running(start(places, ["events", "--dump"]));
}

/** Flower, with its HTTP API. */
export interface Flower extends CeleryProcess {
  /** What it answers to `/api/workers`; undefined for an answer that is none. */
  get(path: string): Promise<Readonly<Record<string, unknown>> | undefined>;
}

/** Starts it; resolves once it answers. */
export async function startFlower(places: SitePlaces): Promise<Flower> {
  const port = await freePort();
  const child = start(
    { ...places, environment: { ...places.environment, FLOWER_UNAUTHENTICATED_API: "true" } },
    ["flower", `--port=${port}`, "--address=127.0.0.1", "--inspect-timeout=2000"],
  );
  const flower = running(child);
  const get = async (path: string): Promise<Readonly<Record<string, unknown>> | undefined> => {
    try {
      const response = await fetch(`http://127.0.0.1:${port}${path}`);
      return response.ok ? ((await response.json()) as Record<string, unknown>) : undefined;
    } catch {
      return undefined;
    }
  };
  const until = Date.now() + 20_000;
  while ((await get("/api/workers?status=1")) === undefined) {
    if (Date.now() > until) {
      await flower.stop();
      throw new Error(`Flower does not answer:\n${flower.said()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { ...flower, get };
}

/**
 * A Django project for tests: Channels' background worker, and a process that sends and receives.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { startSiteClient, type SiteClient } from "../celery/site.ts";
import { python, pythonEnvironment } from "../services/python.ts";

const folder = fileURLToPath(new URL("site", import.meta.url));

/** The `CONFIG` of its channel layer, as in Django's settings. */
export type LayerConfig = Readonly<Record<string, unknown>>;

function environmentOf(config: LayerConfig): Record<string, string> {
  return {
    PYTHONPATH: pythonEnvironment(folder)["PYTHONPATH"]!,
    DJANGO_SETTINGS_MODULE: "settings",
    LAYER: JSON.stringify(config),
  };
}

/** Starts a Python process with the layer: see `site/client.py` for what it knows. */
export function startChannelsClient(config: LayerConfig): Promise<SiteClient> {
  const places = { broker: "", backend: "", environment: environmentOf(config) };
  return startSiteClient(places, "../../channels/site/client.py");
}

/** A `runworker`. */
export interface Runworker {
  /** What it has printed so far. */
  readonly said: () => string;
  /** Whether its process is there. */
  readonly isAlive: () => boolean;
  stop(): Promise<void>;
}

/** Starts `manage.py runworker`; resolves once it listens. */
export async function startRunworker(
  config: LayerConfig,
  channels: readonly string[] = ["jobs"],
): Promise<Runworker> {
  const child = spawn(python, ["-m", "django", "runworker", ...channels], {
    cwd: tmpdir(),
    env: { ...pythonEnvironment(folder), ...environmentOf(config) },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const end = (): boolean => child.kill("SIGKILL");
  process.once("exit", end);
  child.once("exit", () => process.off("exit", end));
  let said = "";
  await new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (part: string) => {
        said = (said + part).slice(-100_000);
        if (said.includes("Running worker")) resolve();
      });
    }
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`runworker ended with ${code}:\n${said}`)));
  });
  const isAlive = (): boolean => child.exitCode === null && child.signalCode === null;
  return {
    said: () => said,
    isAlive,
    async stop() {
      if (!isAlive()) return;
      const exit = once(child, "exit");
      child.kill("SIGKILL");
      await exit;
    },
  };
}

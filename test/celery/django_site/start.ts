/** The Django site of the tests: its tables, a worker of Celery's, and a process that sends tasks. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { python, pythonEnvironment } from "../../services/python.ts";
import { startCeleryWorker, startSiteClient, type CeleryWorker, type SiteClient } from "../site.ts";

const folder = fileURLToPath(new URL(".", import.meta.url));

/** Where the site finds what it shares with TypeScript. */
export interface DjangoPlaces {
  readonly database: string;
  readonly redis: string;
}

export interface DjangoSite {
  readonly worker: CeleryWorker;
  readonly client: SiteClient;
  /** A process without the package `petiole`. */
  readonly plain: SiteClient;
  stop(): Promise<void>;
}

/** Makes its tables in an empty database of PostgreSQL, and starts it. */
export async function startDjangoSite({ database, redis }: DjangoPlaces): Promise<DjangoSite> {
  const environment = {
    DATABASE_URL: database,
    DJANGO_SETTINGS_MODULE: "settings",
    PYTHONPATH: pythonEnvironment(folder)["PYTHONPATH"]!,
  };
  const env = { ...process.env, ...environment, PYTHONDONTWRITEBYTECODE: "1" };
  await promisify(execFile)(python, ["-m", "django", "migrate", "--run-syncdb"], { env });
  const places = { broker: redis, backend: redis, environment };
  const [worker, client, plain] = await Promise.all([
    startCeleryWorker({ ...places, app: "site_project" }),
    startSiteClient(places, "../django_site/client.py"),
    startSiteClient(places, "../django_site/plain_client.py"),
  ]);
  return {
    worker,
    client,
    plain,
    async stop() {
      await Promise.all([worker.stop(), client.stop(), plain.stop()]);
    },
  };
}

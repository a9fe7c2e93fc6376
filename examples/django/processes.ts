/** The example's processes: a private PostgreSQL and Redis, Django, a worker of each language, a site in TypeScript. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { noPostgres, startPostgres } from "../../test/services/postgres.ts";
import { noPython, python, pythonEnvironment } from "../../test/services/python.ts";
import { noOwnRedis, startOwnRedis } from "../../test/services/redis.ts";
import { freePort } from "../../test/services/server.ts";

const folder = fileURLToPath(new URL(".", import.meta.url));
const site = `${folder}site`;

/** Why it cannot be run here; undefined where it can. */
export const missing = noPython ?? noOwnRedis ?? noPostgres;

export class Processes {
  readonly #closing: (() => Promise<unknown>)[] = [];
  #environment: NodeJS.ProcessEnv = {};

  /** Starts everything. The addresses of the two sites. */
  async start(): Promise<{ readonly django: string; readonly typescript: string }> {
    const postgres = await startPostgres();
    this.#closing.push(postgres.stop);
    const redis = await startOwnRedis();
    this.#closing.push(redis.stop);
    const places = { DATABASE_URL: postgres.url, REDIS_URL: `${redis.url}/0` };
    this.#environment = { ...pythonEnvironment(site), ...places };
    await ended(this.#run(python, ["manage.py", "migrate", "--verbosity", "0"], site), "Django's migrate");
    const port = await freePort();
    const celery = ["-m", "celery", "-A", "mysite", "worker", "-Q", "python", "-c", "2", "--without-mingle"];
    const [django, , , typescript] = await Promise.all([
      this.#ready(
        "Django",
        python,
        ["manage.py", "runserver", "--noreload", `127.0.0.1:${port}`],
        /(http:\S+)/,
      ),
      this.#ready("Celery", python, [...celery, "-l", "INFO"], / (ready)\./),
      this.#ready("worker.ts", process.execPath, ["worker.ts"], /^(ready)$/),
      this.#ready("web.ts", process.execPath, ["web.ts"], /^(http:\S+)$/),
    ]);
    return { django, typescript };
  }

  /** Stops it all, the latest first. */
  async stop(): Promise<void> {
    for (const close of this.#closing.splice(0).toReversed()) await close();
  }

  #run(program: string, parameters: readonly string[], cwd: string): ChildProcess {
    const env = this.#environment;
    return spawn(program, parameters, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  }

  /** Starts a process that goes on; resolves with what the pattern finds in its output. What web.ts says is shown. */
  #ready(name: string, program: string, parameters: readonly string[], pattern: RegExp): Promise<string> {
    const child = this.#run(program, parameters, program === python ? site : folder);
    this.#closing.push(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exit = once(child, "exit");
      child.kill("SIGTERM");
      const hurry = setTimeout(() => child.kill("SIGKILL"), 10_000);
      await exit;
      clearTimeout(hurry);
    });
    return new Promise((resolve, reject) => {
      const lines: string[] = [];
      let isReady = false;
      for (const input of [child.stdout!, child.stderr!]) {
        createInterface({ input }).on("line", (line) => {
          const match = isReady ? null : pattern.exec(line);
          if (!isReady) lines.push(line);
          else if (name.endsWith(".ts") || / ERROR|Traceback/.test(line)) console.log(`[${name}] ${line}`);
          if (!match) return;
          isReady = true;
          resolve(match[1]!);
        });
      }
      child.once("error", reject);
      child.once("exit", (code) => reject(new Error(`${name} ended with ${code}:\n${lines.join("\n")}`)));
    });
  }
}

async function ended(child: ChildProcess, name: string): Promise<void> {
  let said = "";
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.setEncoding("utf8").on("data", (part: string) => (said += part));
  }
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`${name} ended with ${code}:\n${said}`);
}

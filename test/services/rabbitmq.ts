/** A RabbitMQ for a test: a node of its own, or the one that `PETIOLE_TEST_RABBITMQ` names by its URL. */
import { existsSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort, startServer } from "./server.ts";

/**
 * The program. Debian's, unless told; `scripts/setup-services.sh` installs it. It is the one that Debian's
 * `/usr/sbin/rabbitmq-server` calls, which would change the user, and with it the cookie.
 */
export const rabbitmqServer = process.env["RABBITMQ_SERVER"] ?? "/usr/lib/rabbitmq/bin/rabbitmq-server";
const given = process.env["PETIOLE_TEST_RABBITMQ"];

/** Why there is none; undefined where one can be had. Where everything is to be tested, starting it fails instead. */
export const noRabbitmq =
  given === undefined && !existsSync(rabbitmqServer) && !process.env["CI"]
    ? `there is no ${rabbitmqServer}: bash scripts/setup-services.sh installs it, or PETIOLE_TEST_RABBITMQ names another`
    : undefined;

/** Why there is none of the test's own, to be killed and started again; undefined where one can be had. */
export const noOwnRabbitmq =
  !existsSync(rabbitmqServer) && !process.env["CI"]
    ? `there is no ${rabbitmqServer}: bash scripts/setup-services.sh installs it`
    : undefined;

export interface Rabbitmq {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts an empty one. One that was given is used as it is. */
export async function startRabbitmq(): Promise<Rabbitmq> {
  if (given !== undefined) return { url: given, stop: async () => {} };
  return startOwnRabbitmq();
}

export interface OwnRabbitmq extends Rabbitmq {
  readonly port: number;
  /** The process id, of the latest start. */
  readonly pid: () => number;
  /**
   * Stops it as a crash does, SIGKILL, and starts it again on the same port and data after so many milliseconds. Waits until
   * it has registered its quorum queues: one that was declared a moment before a crash stands still after it, empty.
   */
  restart(downFor?: number): Promise<void>;
}

export interface OwnRabbitmqOptions {
  /** Lines of its `rabbitmq.conf`. */
  readonly config?: readonly string[];
}

/** Starts an empty one of the test's own, whatever was given. */
export async function startOwnRabbitmq({ config = [] }: OwnRabbitmqOptions = {}): Promise<OwnRabbitmq> {
  // Erlang's register of names. A node that finds none starts one that outlives it.
  const register = await startServer({
    program: "epmd",
    name: "epmd",
    parameters: (port) => ["-d", "-address", "127.0.0.1", "-port", `${port}`],
    ready: "epmd running",
  });
  try {
    let data = "";
    const server = await startServer({
      program: rabbitmqServer,
      name: "rabbitmq",
      parameters: () => [],
      environment: (port, folder) => environment(port, folder, register.port),
      async prepare(folder) {
        data = folder;
        await writeFile(join(folder, "rabbitmq.conf"), config.map((line) => `${line}\n`).join(""));
      },
      ready: "Starting broker... completed",
      urgently: "SIGKILL",
    });
    return {
      url: `amqp://guest:guest@127.0.0.1:${server.port}`,
      port: server.port,
      pid: () => server.pid,
      async restart(downFor) {
        const node = nodeOf(server.port);
        await quorumQueuesRegistered(join(data, node, "quorum", node));
        await server.restart(downFor);
      },
      async stop() {
        await server.stop();
        await register.stop();
      },
    };
  } catch (error) {
    await register.stop();
    throw error;
  }
}

/** Everything of the node's is in its folder, and nothing is of the machine's, neither its settings nor its cookie. */
async function environment(port: number, folder: string, register: number): Promise<NodeJS.ProcessEnv> {
  return {
    PATH: process.env["PATH"],
    // Where the cookie is.
    HOME: folder,
    LC_ALL: "C.UTF-8",
    ERL_EPMD_PORT: `${register}`,
    ERL_EPMD_ADDRESS: "127.0.0.1",
    RABBITMQ_NODENAME: nodeOf(port),
    RABBITMQ_NODE_IP_ADDRESS: "127.0.0.1",
    RABBITMQ_NODE_PORT: `${port}`,
    RABBITMQ_DIST_PORT: `${await freePort()}`,
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "-kernel inet_dist_use_interface {127,0,0,1}",
    RABBITMQ_MNESIA_BASE: folder,
    RABBITMQ_LOG_BASE: folder,
    RABBITMQ_GENERATED_CONFIG_DIR: join(folder, "config"),
    RABBITMQ_CONFIG_FILE: join(folder, "rabbitmq.conf"),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(folder, "advanced.config"),
    RABBITMQ_CONF_ENV_FILE: join(folder, "rabbitmq-env.conf"),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, "enabled_plugins"),
    // The script becomes the server, so that it is the server that gets the signals.
    RUNNING_UNDER_SYSTEMD: "true",
  };
}

function nodeOf(port: number): string {
  return `petiole-${port}@localhost`;
}

/**
 * Resolves once all quorum queues are in the table by which the node finds them again. RabbitMQ writes that some seconds
 * after it has declared a queue, and confirms messages meanwhile; without its row a queue begins anew, and elects no leader.
 */
async function quorumQueuesRegistered(folder: string): Promise<void> {
  for (const deadline = performance.now() + 30_000; ; await sleep(50)) {
    // Each has a folder, named by the id that its row has.
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
    const ids = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    if (ids.length === 0) return;
    const table = await readFile(join(folder, "names.dets"));
    const missing = ids.filter((id) => !table.includes(id));
    if (missing.length === 0) return;
    if (performance.now() > deadline)
      throw new Error(
        `RabbitMQ has not registered these quorum queues after 30 seconds: ${missing.join(", ")}`,
      );
  }
}

/** The Python that tests run Celery and Django in: `.python/`, or the one that `PETIOLE_PYTHON` names. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** The interpreter. `scripts/setup-python.sh` makes it. */
export const python = process.env["PETIOLE_PYTHON"] ?? `${root}.python/bin/python`;

/** Why there is none; undefined where one can be had. Where everything is to be tested, running it fails instead. */
export const noPython =
  !existsSync(python) && !process.env["CI"]
    ? `there is no ${python}: bash scripts/setup-python.sh makes it, or PETIOLE_PYTHON names another`
    : undefined;

/** The environment in which it finds the Python package of this repository, and modules in more folders. */
export function pythonEnvironment(...folders: readonly string[]): NodeJS.ProcessEnv {
  const path = [`${root}python/src`, ...folders].join(":");
  return { ...process.env, PYTHONPATH: path, PYTHONUNBUFFERED: "1", PYTHONDONTWRITEBYTECODE: "1" };
}

/** The folder of the Python package. */
export const pythonPackage = `${root}python`;

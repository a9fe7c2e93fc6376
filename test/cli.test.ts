import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Setting } from "./fixtures/cli/processes.ts";

let setting: Setting;

beforeEach(() => {
  setting = new Setting();
});

afterEach(async () => {
  await setting.close();
});

describe("what is typed", () => {
  test.for([[["--help"]], [["-h"]], [["help"]], [["worker", "--help"]], [[]]] as string[][][])(
    "%j prints the usage",
    async ([parameters]) => {
      const { code, output } = await setting.run(...parameters!);
      expect(output).toMatch(/^petiole <command> <app module>\n/);
      for (const command of [
        "worker",
        "status",
        "failed",
        "parked",
        "show",
        "retry",
        "discard",
        "cancel",
        "pause",
        "resume",
      ]) {
        expect(output).toContain(`\n  ${command} `);
      }
      expect(code).toBe(0);
    },
  );

  test.for([
    [["start", "./app.ts"], 'there is no command "start"'],
    [["worker"], "worker needs an app module: petiole worker ./app.ts"],
    [["worker", "./app.ts", "mail"], 'worker takes nothing after the app module, received "mail"'],
    [["status", "./app.ts", "--limit", "5"], "status takes no --limit"],
    [["failed", "./app.ts", "--colour"], "Unknown option '--colour'"],
    [["worker", "./app.ts", "--concurrency"], "Option '--concurrency <value>' argument missing"],
    [["status", "./app.ts", "--json=yes"], "Option '--json' does not take an argument"],
    [
      ["worker", "./app.ts", "--concurrency", "0"],
      '--concurrency must be a whole number above 0, received "0"',
    ],
    [["worker", "./app.ts", "--concurrency", "2.5"], 'received "2.5"'],
    [["failed", "./app.ts", "--limit", "-1"], "Option '--limit' argument is ambiguous"],
    [["parked", "./app.ts", "--limit", "many"], '--limit must be a whole number above 0, received "many"'],
    [["worker", "./app.ts", "--lease", "soon"], 'lease must be a duration, milliseconds or "250ms"'],
    [["worker", "./app.ts", "--lease", "5"], "lease must be from 10 ms to a day, received number 5"],
    [["worker", "./app.ts", "--lease", "1ms"], 'lease must be from 10 ms to a day, received string "1ms"'],
    [
      ["worker", "./app.ts", "--name", ""],
      'name must be a text that tells it from others, received string ""',
    ],
    [["worker", "./app.ts", "--queues", "mail,,posts"], "queue must be 1 to 200 letters, digits and"],
    [["retry", "./app.ts"], "retry needs either ids, or --failed or --parked"],
    [["discard", "./app.ts", "1", "--failed"], "discard needs either ids, or --failed or --parked"],
    [["cancel", "./app.ts"], "cancel needs the ids of tasks"],
    [["cancel", "./app.ts", "--failed"], "cancel takes no --failed"],
    [["pause", "./app.ts"], "pause needs the names of queues"],
    [["resume", "./app.ts", "mail", "--json"], "resume takes no --json"],
    [["show", "./app.ts"], "show needs the id of one task, received 0"],
    [["show", "./app.ts", "1", "2"], "show needs the id of one task, received 2"],
    ...["0", "-1", "1.5", "1001", "all", ""].map((count): [string[], string] => [
      ["worker", "./app.ts", `--processes=${count}`],
      `--processes must be a whole number from 1 to 1000, or auto, received "${count}"`,
    ]),
    [["status", "./app.ts", "--processes", "2"], "status takes no --processes"],
    [
      ["worker", "./app.ts", "--max-crashes", "0"],
      '--max-crashes must be a whole number above 0, received "0"',
    ],
    [["worker", "./app.ts", "--shutdown-timeout", "soon"], "shutdownTimeout must be a duration"],
  ] as [string[], string][])("%j is refused: %s", async ([parameters, complaint]) => {
    const { code, output, errors } = await setting.run(...parameters);
    // Older versions of Node warn about node:sqlite before.
    expect(errors).toMatch(/^ERR_COMMAND_LINE: /m);
    expect(errors).toContain(complaint);
    expect(errors).toContain("\n\npetiole <command> <app module>\n");
    expect(output).toBe("");
    expect(code).toBe(2);
  });

  test("--version prints the version, whatever else there is", async () => {
    const text = readFileSync(join(import.meta.dirname, "../package.json"), "utf8");
    const { version } = JSON.parse(text) as { version: string };
    for (const parameters of [["--version"], ["worker", "./absent.ts", "--version"]]) {
      const { code, output } = await setting.run(...parameters);
      expect([output, code]).toStrictEqual([`${version}\n`, 0]);
    }
  });

  test("a wrong number is told before the app is imported", async () => {
    const { code, errors } = await setting.run("worker", "./throws.ts", "--concurrency", "0");
    expect(errors).toContain("ERR_COMMAND_LINE");
    expect(code).toBe(2);
  });
});

describe("what is printed", () => {
  test.skipIf(!existsSync("/dev/full"))("fails the command when there is no room for it", async () => {
    const full = openSync("/dev/full", "w");
    const { code, errors } = await setting.start(["status", "./app.ts"], {}, { output: full }).ended;
    closeSync(full);
    expect(errors).toContain("ENOSPC");
    expect(code).toBe(1);
  });
});

describe("the app module", () => {
  test.for(["./app.ts", "app.ts", "./default-export.ts", "./plain.js"])("%s", async (module) => {
    const { code, output } = await setting.run("status", module);
    expect([output, code]).toStrictEqual(["no tasks\n", 0]);
  });

  test("by its absolute path", async () => {
    const { code, output } = await setting.run("status", join(import.meta.dirname, "fixtures/cli/app.ts"));
    expect([output, code]).toStrictEqual(["no tasks\n", 0]);
  });

  test("one that is not there", async () => {
    const { code, errors } = await setting.run("status", "./absent.ts");
    expect(errors).toMatch(/^ERR_APP_MODULE: There is no app module \/.*\/absent\.ts\.$/m);
    expect(code).toBe(1);
  });

  test("one that exports no app", async () => {
    const { code, errors } = await setting.run("worker", "./no-app.ts");
    expect(errors).toMatch(/^ERR_APP_MODULE: The app module \/.*\/no-app\.ts exports no app: /m);
    expect(errors).toContain("it must export a Petiole as `app` or as its default");
    expect(errors).toContain("it exports application, queue.");
    expect(code).toBe(1);
  });

  test("one that throws is told with the cause", async () => {
    const { code, errors } = await setting.run("status", "./throws.ts");
    expect(errors).toMatch(/^ERR_APP_MODULE: The app module \/.*\/throws\.ts fails when it is imported/m);
    expect(errors).toContain("Error: the settings are missing\n    at ");
    expect(code).toBe(1);
  });

  test.for([
    ["never-ends.ts", "an `await` outside of its functions waits for what never comes"],
    ["exits.ts", "by process.exit(), or an error that nothing catches, with code 0"],
  ] as const)("%s: one that ends the process", async ([module, why]) => {
    const { code, output, errors } = await setting.run("status", `./${module}`);
    expect(errors).toContain(
      `ERR_APP_MODULE: The app module ${join(import.meta.dirname, "fixtures/cli", module)} ` +
        `ends the process when it is imported: ${why}.\n`,
    );
    expect([output, code]).toStrictEqual(["", 1]);
  });

  test("one that would keep the process alive does not", async () => {
    const { code } = await setting.run("status", "./keeps-open.ts");
    expect(code).toBe(0);
  });

  test("a file that is no database", async () => {
    writeFileSync(setting.file, "These are my notes, and not a database at all.\n".repeat(50));
    for (const command of ["worker", "status"]) {
      const { code, output, errors } = await setting.run(command, "./app.ts");
      expect(errors).toContain(
        `ERR_ENGINE_FILE_INVALID: SQLite engine: opening the file failed (${setting.file}`,
      );
      expect(errors).toContain(
        "The file is damaged or not a SQLite database. Give the engine a path of its own",
      );
      expect(output).toBe("");
      expect(code).toBe(1);
    }
  });
});

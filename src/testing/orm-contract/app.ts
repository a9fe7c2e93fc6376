/** An app for the contract's cases, with the adapter under test. */
import { memory } from "../../engine/memory.ts";
import { appContext } from "../../task/app-context.ts";
import type { Job } from "../../task/job.ts";
import { Petiole } from "../../task/petiole.ts";
import type { AnyTaskOptions } from "../../task/options.ts";
import { testApp, type TestApp } from "../test-app.ts";
import type { OrmContractHarness } from "./harness.ts";

/** What a run was given, and how it ended. */
export interface ContractApp {
  readonly app: Petiole;
  readonly tester: TestApp;
  /** The payloads that the handler was given, in order. */
  readonly seen: unknown[];
  /** Enqueues the one task, whatever its types. */
  enqueue(payload: unknown, options?: { readonly transaction?: object }): Promise<{ readonly id: string }>;
  /** How many tasks the engine has, in whatever state. */
  sent(): Promise<number>;
  /** The state of a task, and why it has it. */
  ended(id: string): Promise<{ readonly state: string; readonly code: string | undefined }>;
}

/** Runs something with an app that has one task. */
export async function withApp(
  { adapter }: OrmContractHarness,
  run: (app: ContractApp) => Promise<void>,
  settings: {
    readonly task?: AnyTaskOptions;
    readonly transactions?: "buffered" | "outbox";
    readonly handler?: (payload: never, job: Job) => unknown;
  } = {},
): Promise<void> {
  const { transactions = "buffered", handler = () => undefined } = settings;
  const app = new Petiole({ engine: memory(), models: [adapter], transactions });
  const seen: unknown[] = [];
  const task = app.task<unknown, unknown>("contract", settings.task as never);
  task.run((payload, job) => {
    seen.push(payload);
    return handler(payload as never, job as Job);
  });
  const tester = testApp(app);
  const { engine } = app[appContext];
  try {
    await run({
      app: app as unknown as Petiole,
      tester,
      seen,
      enqueue: (payload, options) => task.enqueue(payload, options),
      sent: async () => (await engine.counts()).reduce((sum, { count }) => sum + count, 0),
      async ended(id) {
        const record = await engine.find(id);
        return { state: record?.state ?? "not there", code: record?.reason?.code };
      },
    });
  } finally {
    await tester.close();
    await app.close();
  }
}

import { afterEach, describe, expect, test } from "vitest";
import { endAll, engines, quiet, record, until, work } from "../../test/fixtures/apps.ts";
import { memory } from "../engine/memory.ts";
import { PetioleError } from "../errors.ts";
import { appContext } from "./app-context.ts";
import { Petiole } from "./petiole.ts";

afterEach(endAll);

const everySecond = "* * * * * *";

describe.each(engines)("schedules, on %s", (_name, make) => {
  test("once per tick however many workers, across a restart", async () => {
    const { engine, another } = make();
    const ticks: string[] = [];
    const [one, two] = [engine, another].map((each) => {
      const app = new Petiole({ engine: each });
      const task = app.task(
        "tick",
        (payload: { n: bigint }, job) => void ticks.push(`${job.id} ${payload.n}`),
      );
      app.schedule(task, everySecond, { n: 5n }, { name: "pulse" });
      return app;
    });
    const first = await work(one!);
    await work(two!);
    await until(() => ticks.length >= 2);
    await first.stop();
    await work(one!);
    await until(() => ticks.length >= 4);
    expect(new Set(ticks).size).toBe(ticks.length);
    const times = ticks
      .map((tick) => Date.parse(/^schedule:pulse:[* ]+:(\S+) 5$/.exec(tick)![1]!))
      .toSorted();
    expect(times.every((time, index) => index === 0 || time === (times[index - 1] ?? 0) + 1000)).toBe(true);
  });

  test("the next tick waits in the queue when no worker is left, and is sent once", async () => {
    const { engine } = make();
    const app = new Petiole({ engine });
    const task = app.task("report", (to: string) => to);
    app.schedule(task, "0 9 * * 1-5", "sales", { timezone: "Europe/Vienna" });
    for (let restart = 0; restart < 3; restart++) await (await work(app)).stop();
    const { records } = await engine.list({});
    expect(records).toHaveLength(1);
    const { message, runAt, state } = records[0]!;
    expect(state).toBe("scheduled");
    expect(message).toMatchObject({
      id: `schedule:report 0 9 * * 1-5:0 9 * * 1-5 Europe/Vienna:${new Date(runAt).toISOString()}`,
      payload: '"sales"',
      headers: {
        schedule: { name: "report 0 9 * * 1-5", pattern: "0 9 * * 1-5", timezone: "Europe/Vienna" },
      },
    });
    const local = new Intl.DateTimeFormat("en", {
      timeZone: "Europe/Vienna",
      hour: "numeric",
      weekday: "short",
      hourCycle: "h23",
    });
    expect(local.format(runAt)).toMatch(/^(Mon|Tue|Wed|Thu|Fri),? 0?9$/);
  });

  test("a pattern, a time zone or a payload that is wrong shows when a worker starts", async () => {
    const { engine } = make();
    const start = async (
      pattern: string,
      timezone?: string,
      payload: unknown = undefined,
    ): Promise<unknown> => {
      const app = new Petiole({ engine });
      app.schedule(
        app.task("t", (_: unknown) => {}),
        pattern,
        payload,
        timezone === undefined ? {} : { timezone },
      );
      return app
        .worker({ logger: quiet })
        .start()
        .catch((error: unknown) => error);
    };
    expect(await start("every day")).toMatchObject({
      code: "ERR_OPTION_INVALID",
      message: expect.stringContaining("Schedule t every day"),
    });
    expect(await start("0 9 * * *", "Mars/Olympus")).toMatchObject({ code: "ERR_OPTION_INVALID" });
    expect(await start("0 9 * * *", undefined, () => {})).toMatchObject({ code: "ERR_PAYLOAD_REFUSED" });
    const app = new Petiole({ engine });
    const task = app.task("t", () => {});
    app.schedule(task, everySecond);
    expect(() => app.schedule(task, everySecond)).toThrow(
      expect.objectContaining({ code: "ERR_TASK_DUPLICATE" }),
    );
    app.schedule(task, everySecond, undefined, { name: "another" });
  });
});

test("a worker starts while the engine cannot take a tick, and sends it later", async () => {
  const engine = memory();
  const app = new Petiole({ engine });
  for (const name of ["one", "two"])
    app.schedule(
      app.task(name, () => {}),
      "0 9 1 1 *",
    );
  const { send } = engine;
  let tries = 0;
  engine.send = async (batch) => {
    if (++tries === 1) throw new PetioleError("ERR_ENGINE_DISK_FULL", "full");
    return send.call(engine, batch);
  };
  const errors: string[] = [];
  const worker = await work(app, { logger: { ...quiet, error: (text) => void errors.push(text) } });
  expect(errors).toEqual([expect.stringMatching(/^Schedule one .*: full; it is tried again/)]);
  await until(async () => (await engine.list({})).records.length === 2);
  await worker.stop();
});

describe("schedules that are added while a worker runs", () => {
  test("are begun by it; what is wrong with one is told, and holds up nothing", async () => {
    const engine = memory();
    const app = new Petiole({ engine });
    const task = app.task("t", (text: string) => text);
    const errors: string[] = [];
    const worker = await work(app, {
      logger: { ...quiet, error: (text) => void errors.push(text) },
    });
    app.schedule(task, "every day", "a", { name: "wrong" });
    app.schedule(task, "0 9 1 1 *", (() => {}) as never, { name: "unsendable" });
    const { send } = engine;
    let refusals = 0;
    engine.send = async (batch) => {
      if (++refusals === 1) throw new PetioleError("ERR_ENGINE_BUSY", "busy");
      return send.call(engine, batch);
    };
    app.schedule(task, "0 9 1 1 *", "b", { name: "right", timezone: "UTC" });
    const sent = async () =>
      (await engine.list({})).records.map(({ message }) => message.headers["schedule"]);
    await until(async () => (await sent()).length > 0 && errors.length > 2);
    expect(await sent()).toMatchObject([{ name: "right" }]);
    expect(errors.toSorted()).toMatchObject([
      expect.stringContaining("Schedule right: busy; it is tried again"),
      expect.stringContaining("Schedule unsendable is not begun"),
      expect.stringMatching(/Schedule wrong is not begun.*have a cron pattern/),
    ]);
    await worker.stop();
    expect(app[appContext].schedulers.size).toBe(0);
  });
});

describe("schedules, when the clock is set", () => {
  test("back: ticks that were sent are not sent again; on: the one that waits runs once", async () => {
    let now = Date.UTC(2026, 0, 5, 8, 30);
    const engine = memory({ now: () => now });
    const app = new Petiole({ engine });
    const ran: string[] = [];
    app.schedule(
      app.task("t", (_: undefined, job) => void ran.push(job.id.slice(-24))),
      "0 9 * * *",
      undefined,
      { timezone: "UTC" },
    );
    const restart = async (): Promise<void> => {
      const worker = await work(app);
      await until(async () => (await engine.list({ states: ["waiting", "running"] })).records.length === 0);
      await worker.stop();
    };
    await restart();
    now += 3_600_000;
    await restart();
    expect(ran).toStrictEqual(["2026-01-05T09:00:00.000Z"]);
    now -= 5_400_000;
    await restart();
    now += 3_600_000;
    await restart();
    expect(ran).toHaveLength(1);
    now += 3 * 86_400_000;
    await restart();
    expect(ran).toStrictEqual(["2026-01-05T09:00:00.000Z", "2026-01-06T09:00:00.000Z"]);
  });
});

describe("schedules, over a deploy", () => {
  test("a tick that this worker does not know is put off, and discarded when nobody comes who does", async () => {
    let now = Date.now();
    const engine = memory({ now: () => now });
    const apps = [new Petiole({ engine }), new Petiole({ engine }), new Petiole({ engine })] as const;
    const ran: number[] = [];
    const tasks = apps.map((app, index) => app.task("t", () => void ran.push(index)));
    apps[0].schedule(tasks[0]!, everySecond, undefined, { name: "same" });
    await (await work(apps[0])).stop();
    const [tick] = (await engine.list({ states: ["scheduled"] })).records.map(({ message }) => message.id);
    // Another pattern, and none.
    apps[1].schedule(tasks[1]!, "0 0 1 1 *", undefined, { name: "same" });
    now += 1000;
    const workers = [await work(apps[1]), await work(apps[2])];
    await until(async () => (await record(engine, tick!)).deferrals > 0);
    expect((await record(engine, tick!)).reason?.message).toMatch(
      /^the schedule same was changed$|^there is no schedule same any more$/,
    );
    for (const worker of workers) await worker.stop();
    // Who knows it comes back.
    now += 60_000;
    await work(apps[0]);
    await until(() => ran.length > 0);
    expect(ran).toStrictEqual([0]);
  });

  test("for ten minutes", async () => {
    let now = Date.now();
    const engine = memory({ now: () => now });
    const before = new Petiole({ engine });
    before.schedule(
      before.task("t", () => {}),
      everySecond,
    );
    await (await work(before)).stop();
    const [tick] = (await engine.list({ states: ["scheduled"] })).records.map(({ message }) => message.id);
    const after = new Petiole({ engine });
    after.task("t", () => {});
    now += 1000;
    const first = await work(after);
    await until(async () => (await record(engine, tick!)).deferrals > 0);
    await first.stop();
    now += 601_000;
    await work(after);
    expect(await engine.ended(tick!)).toMatchObject({
      state: "discarded",
      reason: { message: "there is no schedule t * * * * * * any more" },
    });
  });
});

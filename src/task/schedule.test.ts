import { afterEach, describe, expect, test } from "vitest";
import { endAll, engines, quiet, record, until, work } from "../../test/fixtures/apps.ts";
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
    const times = ticks.map((tick) => Date.parse(/^schedule:pulse:(\S+) 5$/.exec(tick)![1]!)).toSorted();
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
      id: `schedule:report 0 9 * * 1-5:${new Date(runAt).toISOString()}`,
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

  test("what a schedule sent that was changed or removed since is discarded", async () => {
    const { engine } = make();
    const before = new Petiole({ engine });
    const noop = (): void => {};
    before.schedule(before.task("t", noop), everySecond, undefined, { name: "changed" });
    before.schedule(before.task("u", noop), everySecond, undefined, { name: "removed" });
    await (await work(before)).stop();
    const ids = (await engine.list({ states: ["scheduled"] })).records.map(({ message }) => message.id);
    const now = new Petiole({ engine });
    now.schedule(now.task("t", noop), "0 0 1 1 *", undefined, { name: "changed" });
    now.task("u", noop);
    await work(now);
    const reasons = await Promise.all(ids.map(async (id) => (await engine.ended(id))?.reason?.message));
    expect(reasons.toSorted()).toContain("the schedule changed was changed");
    expect(reasons.toSorted()).toContain("there is no schedule removed any more");
    expect(await record(engine, ids[0]!)).toMatchObject({ state: "discarded", attempts: 0 });
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

/**
 * What our own client asks and tells, Celery's worker and ours alike.
 *
 * @module
 */
import { celeryControl } from "petiole/engine/celery";
import { expect, test } from "vitest";
import { both, me, type ControlNodes } from "./control-nodes.ts";

/** Its cases, which change what both nodes know of limits and revoked tasks. */
export function clientCases(nodes: () => ControlNodes, kind: string): void {
  const send = (call: string): Promise<string> => nodes().send(call);
  const revoked = { error: "celery.exceptions.TaskRevokedError" };

  test("asks Python's workers and ours together", async () => {
    const { control, python } = nodes();
    const pong = await control.ping(both);
    expect([...pong.replies.values()]).toEqual(["pong", "pong"]);
    expect(pong.replies.get(me)).toBe("pong");
    expect(pong.ignored).toBe(0);
    const theirs = [...pong.replies.keys()].find((name) => name !== me);
    const registered = (await control.registered({ destination: [theirs!] })).replies.get(theirs!);
    expect(registered).toContain("tasks.add");
    const stats = (await control.stats(both)).replies;
    expect(stats.get(theirs!)).toMatchObject({ pid: python.pid, concurrency: 1 });
    expect(stats.get(me)).toMatchObject({ pid: process.pid, concurrency: 5 });
    expect(stats.get(me)!.total["ts.note"]).toBeGreaterThan(0);
    const only = await control.ping({ pattern: "mailer@*" });
    expect([...only.replies.keys()]).toEqual([me]);
  });

  test("sees what waits in both, and revokes it there", async () => {
    const { control, client } = nodes();
    const theirs = await send('"tasks.echo", kwargs={"value": {"a": [1.5]}}, queue="celery", countdown=600');
    const ours = await send('"ts.note", "not now", countdown=600');
    const waiting = async (): Promise<string[]> =>
      [...(await control.scheduled(both)).replies.values()].flatMap((all) =>
        all.map(({ request }) => request.id),
      );
    await expect.poll(waiting).toEqual(expect.arrayContaining([theirs, ours]));
    const scheduled = [...(await control.scheduled(both)).replies.values()].flat();
    expect(scheduled.find(({ request }) => request.id === theirs)).toMatchObject({
      runAt: expect.closeTo(Date.now() + 600_000, -5),
      request: { task: "tasks.echo", kwargs: { value: { a: [1.5] } } },
    });
    const told = await control.revoke([theirs, ours], both);
    expect(told.replies.size).toBe(2);
    // By rpc, Python's worker tells it when their time has come.
    for (const id of kind === "Redis" ? [theirs, ours] : [ours])
      expect(await client.outcome(`get("${id}")`)).toMatchObject(revoked);
  });

  test("revokes by stamp what Python has sent, in Python's worker and in ours", async () => {
    const { control, client } = nodes();
    expect((await control.revokeByStamps({ batch: ["b1", 7] }, both)).replies.size).toBe(2);
    const stamped = (task: string, queue: string): string =>
      `app.send_task("${task}", queue="${queue}", headers={"stamped_headers": ["batch"], ` +
      `"stamps": {"batch": ["b0", "b1"]}}).get(timeout=10)`;
    for (const [task, queue] of [
      ["tasks.add", "celery"],
      ["ts.note", "ts"],
    ] as const)
      expect(await client.outcome(stamped(task, queue))).toMatchObject(revoked);
  });

  test("sees what runs in both and what they have taken beside it, and terminates it there", async () => {
    const { control, client, open } = nodes();
    const theirs = await nodes().theirs();
    const [theirRun, theirNext] = [await nodes().hold(), await nodes().hold()];
    const ourRun = await send('"ts.hold", kwargs={"key": "seen"}');
    await nodes().began("seen");
    await control.rateLimit("ts.note", "1/h", { destination: [me] });
    const notes = [await send('"ts.note", "a"'), await send('"ts.note", "b"')];
    const seen = async (method: "active" | "reserved") => {
      const { replies, ignored } = await control[method](both);
      expect(ignored).toBe(0);
      return Object.fromEntries([theirs, me].map((name) => [name, replies.get(name)]));
    };
    await expect
      .poll(() => seen("active"))
      .toEqual({
        [theirs]: [
          {
            id: theirRun.id,
            name: "tasks.hold",
            task: "tasks.hold",
            args: [expect.stringMatching(/note$/), expect.any(String)],
            kwargs: {},
            worker: theirs,
            startedAt: expect.closeTo(Date.now(), -5),
            queue: "celery",
          },
        ],
        [me]: [
          expect.objectContaining({ id: ourRun, task: "ts.hold", kwargs: { key: "seen" }, queue: "ts" }),
        ],
      });
    // Which of the two notes runs, and which waits for its rate, is the broker's to say.
    await expect
      .poll(() => seen("reserved"))
      .toEqual({
        [theirs]: [expect.objectContaining({ id: theirNext.id, task: "tasks.hold", worker: theirs })],
        [me]: [expect.objectContaining({ id: expect.toBeOneOf(notes), task: "ts.note", worker: me })],
      });
    await control.rateLimit("ts.note", 0, { destination: [me] });
    const told = await control.revoke(theirRun.id, { destination: [theirs], terminate: true });
    expect(told.replies.get(theirs)).toBe(`terminate: ${theirRun.id}`);
    expect(await client.outcome(`get("${theirRun.id}")`)).toMatchObject(revoked);
    // Its only process runs others: the gate of what was terminated is shut still.
    await theirNext.open();
    expect(await client.value(`get("${theirNext.id}")`)).toBe("None");
    open.get("seen")!();
    for (const id of [ourRun, ...notes]) expect(await client.value(`get("${id}")`)).toBe("None");
  });

  test("revokes where names are like a pattern, and there alone", async () => {
    const { control, client, python } = nodes();
    const theirs = await nodes().theirs();
    const id = "revoked-by-pattern";
    const told = await control.revoke(id, { pattern: "site*@*", limit: 1 });
    expect([...told.replies.keys()]).toEqual([theirs]);
    const { replies } = await control.revoked(both);
    expect(replies.get(theirs)).toContain(id);
    expect(replies.get(me)).not.toContain(id);
    const known = await control.revoke(`${id}-too`, { pattern: "mail.*@our[s]$", matcher: "pcre", limit: 1 });
    expect([...known.replies.keys()]).toEqual([me]);
    // That Celery's worker has heard of one is in its results at once: what it runs is what counts.
    for (const each of [id, `${id}-too`]) await send(`"tasks.add", 1, task_id="${each}"`);
    await expect.poll(() => python.said()).toContain(`Task tasks.add[${id}-too] succeeded`);
    expect(python.said()).toContain(`Discarding revoked task: tasks.add[${id}]`);
    await send(`"ts.note", "revoked by pattern", task_id="${id}-too"`);
    await client.value('call("ts.note", "after the pattern")');
    expect(nodes().keys()).not.toContain("revoked by pattern");
  });

  test("limits Python's worker's rate, and hears why another cannot", async () => {
    const { control } = nodes();
    const theirs = await nodes().theirs();
    const registered = async (): Promise<readonly string[] | undefined> =>
      (await control.registered({ destination: [theirs] })).replies.get(theirs);
    const told = await control.rateLimit("tasks.add", "100/s", both);
    expect([...told.replies.values()]).toEqual(["new rate limit set successfully"]);
    expect(told.errors.get(me)).toBe("unknown task");
    expect(await registered()).toContain("tasks.add [rate_limit=100/s]");
    await control.rateLimit("tasks.add", 0, { destination: [theirs] });
    expect(await registered()).not.toContain("tasks.add [rate_limit=100/s]");
    const unheard = await control.broadcast("make_coffee", { strong: true }, { destination: [me] });
    expect(unheard.errors.get(me)).toContain("unknown control command");
    // Nobody is waited for.
    expect((await control.ping({ timeout: 0 })).replies.size).toBe(0);
  });

  test("refuses what cannot be asked", async () => {
    const { control, broker } = nodes();
    const refused = { code: "ERR_OPTION_INVALID" };
    for (const wrong of [
      { destination: [] },
      { destination: "x" },
      { pattern: 7 },
      { matcher: "regex" },
      { timeout: -1 },
      { limit: 0 },
    ])
      await expect(control.ping(wrong as never), JSON.stringify(wrong)).rejects.toMatchObject(refused);
    expect(() => control.rateLimit("x", "often")).toThrow(expect.objectContaining(refused));
    expect(() => control.revoke([7] as never)).toThrow(expect.objectContaining(refused));
    expect(() => control.revokeByStamps({})).toThrow(expect.objectContaining(refused));
    expect(() => control.revokeByStamps({ a: [{}] } as never)).toThrow(expect.objectContaining(refused));
    expect(() => celeryControl({ broker: 7 } as never)).toThrow(expect.objectContaining(refused));
    const closed = celeryControl({ broker: broker.source() });
    await closed.close();
    await expect(closed.ping()).rejects.toMatchObject({ code: "ERR_ENGINE_CLOSED" });
  });
}

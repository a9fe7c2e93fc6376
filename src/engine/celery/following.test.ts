/** What follows a task of Python's that an engine ends or parks: on a broker in memory, with messages as Python sends them. */
import { afterEach, describe, expect, test } from "vitest";
import { CeleryServer, celeryInMemory, protocol } from "../../../test/engines/celery-in-memory.ts";
import type { Engine } from "../../engine.ts";
import { PetioleError } from "../../errors.ts";
import type { CeleryMessage } from "./protocol/message.ts";

const engines: Engine[] = [];
afterEach(async () => {
  await Promise.all(engines.splice(0).map((engine) => engine.close()));
});

function open(server: CeleryServer, chords: boolean): Engine {
  const engine = celeryInMemory(server, { ...protocol, chords });
  engines.push(engine);
  return engine;
}

const step = (task: string, id: string, more: object = {}, options: object = {}): object => ({
  task,
  args: [],
  kwargs: {},
  options: { task_id: id, queue: "next", ...options },
  ...more,
});
const chunks = step("celery.chunks", "chunks", {
  kwargs: { task: step("a", "item"), it: [[1], [2], [3]], n: 2 },
  immutable: true,
});

function message(embed: object, headers: object = {}): CeleryMessage {
  return {
    queue: "default",
    headers: { lang: "py", task: "t", id: "first", root_id: "first", ...headers },
    contentType: "application/json",
    contentEncoding: "utf-8",
    body: Buffer.from(JSON.stringify([[1], {}, embed])),
  };
}

const claim = (engine: Engine) =>
  engine.claim({ queues: ["default"], limit: 1, lease: 30_000, worker: "tester" });

describe("chunks that follow a task", () => {
  const followers = async (embed: object): Promise<readonly CeleryMessage[]> => {
    const server = new CeleryServer();
    const engine = open(server, true);
    server.put(message(embed));
    const [taken] = await claim(engine);
    expect(await engine.settle([{ kind: "complete", lease: taken!.lease, result: "5" }])).toEqual([true]);
    return (server.queues.get("next") ?? []).map((each) => each.message);
  };

  test.each([
    ["as the next step", { chain: [chunks] }],
    ["as a callback", { callbacks: [chunks] }],
    ["as the end of a chain", { callbacks: [step("celery.chain", "x", { kwargs: { tasks: [chunks] } })] }],
  ])("%s are one message, under their own id", async (_, embed) => {
    const sent = await followers(embed);
    expect(sent.map(({ headers }) => [headers.task, headers.id])).toEqual([["celery.chunks", "chunks"]]);
    expect(JSON.parse(Buffer.from(sent[0]!.body).toString())).toMatchObject([
      [],
      { it: [[1], [2], [3]], n: 2 },
      {},
    ]);
  });

  test("and are followed themselves: what follows gets the lists", async () => {
    const sent = await followers({ chain: [step("b", "last"), chunks] });
    expect(sent.map(({ headers }) => headers.task)).toEqual(["celery.starmap", "celery.starmap"]);
    const [, , embed] = JSON.parse(Buffer.from(sent[0]!.body).toString()) as [
      unknown,
      unknown,
      { chord: object },
    ];
    expect(embed.chord).toMatchObject({ task: "b", options: { task_id: "last" } });
  });
});

describe("a message that cannot be run", () => {
  const parked = async (sent: CeleryMessage, chords = true, server = new CeleryServer()): Promise<Engine> => {
    const engine = open(server, chords);
    server.put(sent);
    expect(await claim(engine)).toEqual([]);
    expect((await engine.find("first"))?.state).toBe("parked");
    return engine;
  };
  const rest = [step("c", "last"), step("b", "second")];

  test("fails the rest of its chain", async () => {
    const engine = await parked(message({ chain: rest }, { eta: "tomorrow" }));
    const { reason } = (await engine.find("first"))!;
    for (const id of ["second", "last"])
      expect(await engine.find(id)).toMatchObject({ state: "parked", reason });
  });

  test("also where it is refused for what follows it", async () => {
    const group = step("celery.group", "group", { kwargs: { tasks: [step("d", "one"), step("e", "two")] } });
    const engine = await parked(message({ chain: [...rest, group] }), false);
    for (const id of ["one", "two", "second", "last"])
      expect((await engine.find(id))?.reason?.message).toContain("is a celery.group that something follows");
  });

  const told = step("told", "errback", { args: ["why"] });
  const errbacks = [told, step("celery.chain", "x", { kwargs: { tasks: [step("on", "error")] } })];
  const tellers = (server: CeleryServer): readonly unknown[] =>
    (server.queues.get("next") ?? []).map((each) => {
      const { headers, body } = each.message;
      const [args] = JSON.parse(Buffer.from(body).toString()) as readonly unknown[];
      return [headers.task, headers.id, headers["parent_id"], headers["root_id"], args];
    });
  const both = [
    ["told", "errback", "first", "root", ["first", "why"]],
    ["on", "error", "first", "root", ["first"]],
  ];

  test.each([
    ["as one that has failed", { errbacks, chain: rest }, { eta: "tomorrow" }, true],
    ["though its chain cannot be read", { errbacks, chain: [{ task: 1 }] }, {}, true],
    ["though it is part of a chord that cannot be counted", { errbacks, chord: told }, { group: "g" }, false],
  ])("its errbacks are sent, %s", async (_, embed, headers, chords) => {
    const server = new CeleryServer();
    await parked(message(embed, { ...headers, root_id: "root" }), chords, server);
    expect(tellers(server)).toEqual(both);
  });

  test("none where they could not be begun, or cannot be read", async () => {
    const header = [step("d", "one"), step("e", "two")];
    const chord = step("celery.chord", "body", { kwargs: { header, body: step("f", "three") } });
    const [server, other] = [new CeleryServer(), new CeleryServer()];
    await parked(message({ errbacks: [told, chord] }, { eta: "tomorrow" }), false, server);
    await parked(message({ errbacks: [told, { task: 1 }] }), true, other);
    expect([...server.queues, ...other.queues].flatMap(([, lying]) => lying)).toEqual([]);
  });

  test("an errback that the broker refuses keeps nobody else from being told", async () => {
    const server = new CeleryServer();
    server.refusal = ({ headers }) =>
      headers.task === "told" ? new PetioleError("ERR_OPTION_INVALID", "no such name") : undefined;
    const sent = message({ errbacks, chain: rest }, { eta: "tomorrow", root_id: "root" });
    const engine = await parked(sent, true, server);
    expect(tellers(server)).toEqual(both.slice(1));
    expect((await engine.find("last"))?.state).toBe("parked");
    expect(server.unacknowledged.size).toBe(0);
  });

  test("what cannot be read of its chain is left alone", async () => {
    const engine = await parked(message({ chain: [...rest, { task: "celery.chunks", kwargs: { n: 0 } }] }));
    expect(await engine.find("last")).toBeUndefined();
  });
});

import { connect, type Channel } from "amqplib";
import { expect, test, vi } from "vitest";
import { eventually } from "../../../../test/services/eventually.ts";
import {
  ids,
  makeBroker,
  makeChannel,
  message,
  queueName,
  socketOf,
} from "../../../../test/services/amqp.ts";
import { describeRabbitmq } from "../../../../test/services/describe-rabbitmq.ts";
import type { Taken, Unreadable } from "../broker.ts";

/** Integers of 64 bits as Python's py-amqp writes them: amqplib writes the tag `l`, and here it becomes `L`. */
function writeAsPython(channel: Channel, ...longs: readonly bigint[]): void {
  const socket = socketOf(channel);
  const write = socket.write.bind(socket) as (bytes: Buffer) => boolean;
  socket.write = (bytes: unknown) => {
    if (Buffer.isBuffer(bytes))
      for (const long of longs) {
        const value = Buffer.alloc(9, "l");
        value.writeBigInt64BE(long, 1);
        const at = bytes.indexOf(value);
        if (at >= 0) bytes.write("L", at);
      }
    return write(bytes as Buffer);
  };
}

describeRabbitmq("what others put in a queue of RabbitMQ", (server) => {
  const fine = { contentType: "application/json", headers: { task: "t", id: "1" } };

  test.each([
    ["no headers", { contentType: "application/json" }, "[[],{},null]", "no header `task`"],
    ["no properties at all", {}, "[[],{},null]", "no header `task`"],
    ["no task, and no body of protocol 1", { ...fine, headers: {} }, "[]", "protocol 1"],
    [
      "a task that is no text",
      { ...fine, headers: { task: 5, id: "1" } },
      "[[],{},null]",
      "`task` is no text",
    ],
    [
      "an id that is a table",
      { ...fine, headers: { task: "t", id: { a: 1 } } },
      "[[],{},null]",
      "`id` is no text",
    ],
    [
      "a task that is bytes",
      { ...fine, headers: { task: Buffer.from([255]), id: "1" } },
      "[]",
      "`task` is no text",
    ],
    ["a body that is no UTF-8, and no task", { ...fine, headers: {} }, "\u00ff\u00fe", "protocol 1"],
  ])("%s is put aside, with its bytes", async (_name, options, body, problem) => {
    const [broker, queue] = [makeBroker(() => connect(server().url)), queueName()];
    const unreadable = vi.fn<(it: Unreadable) => void>();
    broker.onUnreadable(unreadable);
    await broker.publish([message(queue, "before")]);
    const channel = await makeChannel(server().url);
    const content = Buffer.from(body, "latin1");
    channel.publish("", queue, content, options);
    await channel.checkQueue(queue);
    await broker.publish([message(queue, "after")]);
    expect(ids(await broker.take([queue], 5, 10_000))).toEqual(["before", "after"]);
    expect(unreadable.mock.calls).toEqual([
      [
        {
          tag: expect.any(String),
          queue,
          text: expect.any(String),
          reason: expect.objectContaining({ code: "ERR_TEXT_UNDECODABLE" }),
        },
      ],
    ]);
    const [{ tag, text, reason }] = unreadable.mock.calls[0]!;
    expect(reason.message).toContain(problem);
    const told = JSON.parse(text) as {
      readonly body?: string;
      readonly base64?: string;
      readonly properties: object;
    };
    expect(Buffer.from(told.body ?? told.base64!, told.body === undefined ? "base64" : "utf8")).toEqual(
      content,
    );
    expect(told.properties).toBeTypeOf("object");
    // It is held as others are: given back as it was, taken again, and gone once it is acknowledged.
    await broker.giveBack([tag]);
    await broker.take([queue], 5, 10_000);
    expect(unreadable).toHaveBeenCalledTimes(2);
    const [again] = unreadable.mock.calls[1]!;
    expect(again.text).toBe(text);
    expect(await broker.finish([{ tag: again.tag, publish: [] }], async () => undefined)).toEqual([true]);
    expect(await broker.lengths()).toEqual([{ queue, count: 0 }]);
    expect(await broker.take([queue], 5, 10_000)).toEqual([]);
    expect(unreadable).toHaveBeenCalledTimes(2);
  });

  test.each([
    ["no content type", { headers: fine.headers }, "[[],{},null]", ""],
    ["an empty body", fine, "", "application/json"],
    ["a body that is no array", fine, "{}", "application/json"],
    ["a body that is no UTF-8", fine, "\u00ff\u00fe", "application/json"],
    [
      "a pickle",
      { ...fine, contentType: "application/x-python-serialize", contentEncoding: "binary" },
      "\u0080\u0004\u0095\u00ff.",
      "application/x-python-serialize",
    ],
    [
      "a pickle of protocol 1, whose id is in what nobody decodes",
      { contentType: "application/x-python-serialize", contentEncoding: "binary" },
      "\u0080\u0002}.",
      "application/x-python-serialize",
    ],
  ])(
    "%s is taken as it came, for the engine to park under its id",
    async (_name, options, body, contentType) => {
      const [broker, queue] = [makeBroker(() => connect(server().url)), queueName()];
      await broker.take([queue], 1, 10_000);
      const channel = await makeChannel(server().url);
      const content = Buffer.from(body, "latin1");
      channel.publish("", queue, content, options);
      await channel.checkQueue(queue);
      const [taken] = await broker.take([queue], 5, 10_000);
      expect(taken?.message).toMatchObject({
        contentType,
        headers: "headers" in options ? options.headers : {},
      });
      expect(Buffer.from(taken!.message.body)).toEqual(content);
    },
  );

  test("Celery's protocol 1 is taken, which the engine knows", async () => {
    const [broker, queue] = [makeBroker(() => connect(server().url)), queueName()];
    await broker.take([queue], 1, 10_000);
    const channel = await makeChannel(server().url);
    const body = Buffer.from(' {"task":"t","id":"1","args":[]}');
    for (const headers of [{}, undefined])
      channel.publish("", queue, body, { contentType: "application/json", correlationId: "1", headers });
    const taken: Taken[] = [];
    const take = async (): Promise<void> => {
      taken.push(...(await broker.take([queue], 5, 10_000)));
      expect(taken).toHaveLength(2);
    };
    await eventually(take, 10_000);
    for (const { message } of taken) expect([message.headers, message.body]).toEqual([{}, body]);
    await broker.giveBack(taken.map(({ tag }) => tag));
    expect(await channel.get(queue)).toMatchObject({ content: body, properties: { correlationId: "1" } });
  });

  test("who takes only what cannot be read is woken for what follows", async () => {
    const [broker, queue] = [makeBroker(() => connect(server().url)), queueName()];
    await broker.take([queue], 1, 10_000);
    const channel = await makeChannel(server().url);
    const headless = { ...fine, headers: {} };
    for (const body of ["one", "two"]) channel.publish("", queue, Buffer.from(body), headless);
    await channel.checkQueue(queue);
    const rings = vi.fn<() => void>();
    broker.onArrival([queue], rings);
    await vi.waitFor(() => expect(rings).toHaveBeenCalledTimes(1));
    expect(await broker.take([queue], 2, 10_000)).toEqual([]);
    await broker.publish([message(queue, "after")]);
    await vi.waitFor(() => expect(rings).toHaveBeenCalledTimes(2));
    expect(ids(await broker.take([queue], 2, 10_000))).toEqual(["after"]);
  });

  test("an integer as Python writes it neither ends the connection nor is rounded", async () => {
    const [broker, queue] = [makeBroker(() => connect(server().url)), queueName()];
    await broker.take([queue], 1, 10_000);
    const channel = await makeChannel(server().url);
    const [small, big] = [2n ** 31n, 2n ** 60n + 1n];
    writeAsPython(channel, small, big);
    const headers = {
      ...fine.headers,
      small: { "!": "int64", value: small },
      deep: [{ big: { "!": "int64", value: big } }],
    };
    channel.publish("", queue, Buffer.from("[[],{},null]"), { ...fine, headers });
    const [taken] = await eventually(async () => {
      const taken = await broker.take([queue], 1, 10_000);
      expect(taken).toHaveLength(1);
      return taken;
    });
    const exact = { small: 2 ** 31, deep: [{ big: { "!": "int64", value: "1152921504606846977" } }] };
    expect(taken!.message.headers).toMatchObject(exact);
    // Sent on, it is still so.
    await broker.finish([{ tag: taken!.tag, publish: [taken!.message] }], async () => undefined);
    const [again] = await broker.take([queue], 1, 10_000);
    expect(again!.message).toEqual({ ...taken!.message, priority: 0 });
  });

  test("what RabbitMQ has added, and what would send copies elsewhere, is not sent on", async () => {
    const [broker, queue, copies] = [makeBroker(() => connect(server().url)), queueName(), queueName()];
    await broker.take([queue, copies], 1, 10_000);
    const channel = await makeChannel(server().url);
    channel.publish("", queue, Buffer.from("[[],{},null]"), {
      ...fine,
      CC: copies,
      headers: { ...fine.headers, "x-death": [{ count: 1 }] },
    });
    await eventually(async () => expect((await broker.lengths()).map(({ count }) => count)).toEqual([1, 1]));
    const [first, copy] = [
      ...(await broker.take([queue], 1, 10_000)),
      ...(await broker.take([copies], 1, 10_000)),
    ];
    expect(first!.message.headers).toHaveProperty("x-death");
    const finishes = [
      { tag: first!.tag, publish: [first!.message] },
      { tag: copy!.tag, publish: [] },
    ];
    expect(await broker.finish(finishes, async () => undefined)).toEqual([true, true]);
    expect((await broker.lengths()).map(({ count }) => count)).toEqual([1, 0]);
    expect((await broker.take([queue], 1, 10_000))[0]!.message.headers).toEqual(fine.headers);
  });
});

import assert from "node:assert/strict";
import type { Engine, Lease } from "../../engine.ts";
import type { Json, MessageHeaders } from "../../message.ts";
import {
  assertRecord,
  assertUnderWay,
  can,
  claim,
  claimOne,
  eventually,
  find,
  ids,
  message,
  outgoing,
} from "./case.ts";
import type { ContractCase } from "./case.ts";

/** Texts that storage is known to change. None is a secret handshake of any engine's. */
const awkward: Readonly<Record<string, string>> = {
  empty: "",
  "not ASCII": "žluťoučký kůň, 葉柄, 🌿, e\u0301",
  NUL: "before\u0000after",
  "only NUL": "\u0000",
  "lone surrogates": "\ud800 and \udfff, \udc00\ud800",
  "control characters": "\u0001\u0002\b\t\n\v\f\r\u001b\u007f\u0085",
  "line separators and a byte order mark": "\ufeff\u2028\u2029\uffff",
  "quotes and escapes": `'"\\ \\u0000 \\x00 %s $1 ? {} --`,
  "spaces around": "  a  ",
  "looks like a number": "007",
  "JSON in its own order": '{"b":1,"a":2,"b":3, "1":1.0}',
};

/** What is carried is text, and comes out as it went in. */
export const textCases: readonly ContractCase[] = [
  ...Object.entries(awkward).map(([name, text]): ContractCase => ({
    name: `carries text unchanged: ${name}`,
    async run(engine) {
      const sent = message(`id ${text}`, { task: `task ${text}`, queue: `queue ${text}`, payload: text });
      const reason = { code: "ERR_TEST", message: text, details: { [text]: text } };
      const unique = { key: `key ${text}`, follow: true };
      const lane = `lane ${text}`;
      await engine.send([{ message: sent, runAt: 0, lane, ...(can(engine, "uniqueKeys") && { unique }) }]);
      const again = { message: sent, runAt: 0 };
      await engine.send([outgoing("other"), ...(can(engine, "knownIds") ? [again] : [])]);
      const duplicate = { ...sent, id: `duplicate ${text}` };
      if (can(engine, "uniqueKeys")) {
        assert.deepEqual(await engine.send([{ message: duplicate, runAt: 0, unique }]), [sent.id]);
        if (can(engine, "records")) assert.deepEqual((await engine.find(duplicate.id))?.message, sent);
      }
      if (can(engine, "list") && can(engine, "records"))
        assert.equal((await engine.list({})).records.length, 2);
      const queues = [sent.queue];
      const worker = `worker ${text}`;
      const limits = new Map([[lane, { concurrency: 0 }]]);
      if (can(engine, "limits")) assert.deepEqual(await claim(engine, { queues, worker, limits }), []);
      if (can(engine, "pause")) {
        await engine.pause(sent.queue);
        assert.deepEqual(await engine.paused(), queues);
        assert.deepEqual(await claim(engine, { queues, worker }), []);
        await engine.resume(sent.queue);
      }
      const first = await claimOne(engine, { queues, worker });
      assert.deepEqual(first.message, sent);
      assert.equal(first.lease.id, sent.id);
      assert.deepEqual(await engine.extend([first.lease], 1000), []);
      const progress = { fraction: 0.5, note: text };
      if (can(engine, "reports")) {
        await engine.report(first.lease, { progress, lines: [{ at: 1, text }] });
        assert.deepEqual(await engine.logs(sent.id), [{ at: 1, text }]);
      }
      if (can(engine, "cancelRunning")) {
        const told: Lease[] = [];
        const stop = engine.onCancel(worker, (leases) => told.push(...leases));
        await engine.cancel([sent.id], reason);
        await eventually(() => told.length > 0, "the worker being told");
        stop();
        assert.deepEqual(told[0], first.lease);
      }
      await engine.settle([{ kind: "fail", lease: first.lease, reason }]);
      assertRecord(await engine.find(sent.id), {
        message: sent,
        worker,
        reason,
        state: "failed",
        ...(can(engine, "reports") && { progress }),
      });
      if (can(engine, "list")) {
        const page = await engine.list({ queue: sent.queue, task: sent.task });
        assert.deepEqual(page.records, [await find(engine, sent.id)]);
        // What is listed for people may be as UTF-8 has it.
        const names = can(engine, "records") ? [sent.queue] : [sent.queue, sent.queue.toWellFormed()];
        assert.ok((await engine.counts()).some(({ queue }) => names.includes(queue)));
      }
      assert.equal(await engine.retry([sent.id]), 1);
      const second = await claimOne(engine, { queues });
      await engine.settle([{ kind: "complete", lease: second.lease, result: text }]);
      assertRecord(await engine.ended(sent.id), { state: "succeeded", result: text });
    },
  })),
  {
    name: "carries a payload of 5 MB unchanged, or refuses it, and harms nothing else",
    async run(engine) {
      await engine.send([outgoing("before")]);
      const payload = JSON.stringify("leaf 🍃 ".repeat(500_000));
      const sent = await carried(engine.send([outgoing("in a batch"), outgoing("large", { payload })]));
      await engine.send([outgoing("after")]);
      const claimed = await claim(engine, { limit: 10 });
      const expected = sent ? ["before", "in a batch", "large", "after"] : ["before", "after"];
      assert.deepEqual(ids(claimed), expected);
      const large = claimed.find((delivery) => delivery.message.id === "large");
      assert.ok(large === undefined || large.message.payload === payload);
      if (!sent) assert.equal(await engine.find("large"), undefined);
    },
  },
  {
    name: "carries a result of 5 MB unchanged, or refuses it and leaves the task with its worker",
    async run(engine) {
      await engine.send([outgoing("1")]);
      const { lease } = await claimOne(engine);
      const result = JSON.stringify("leaf 🍃 ".repeat(500_000));
      const settling = engine.settle([{ kind: "complete", lease, result }]);
      if (await carried(settling)) {
        assert.deepEqual(await settling, [true]);
        assert.ok((await find(engine, "1")).result === result);
      } else {
        await assertUnderWay(engine, "1", { state: "running", attempts: 0 });
        assert.deepEqual(await engine.settle([{ kind: "complete", lease, result: "1" }]), [true]);
      }
    },
  },
  {
    name: "carries headers unchanged, and lets nobody change them from outside",
    async run(engine) {
      const nested: Json = { list: [1, -0.5, 1e300, null, true, "\u0000\ud800"], empty: {}, "": [] };
      const headers: MessageHeaders = {
        wire: 1,
        types: ["a.B"],
        nested,
        text: "'\\\n",
        ["__proto__"]: "kept",
      };
      const expected = structuredClone(headers);
      await engine.send([outgoing("1", { headers })]);
      (headers.types as string[]).push("c.D");
      if (can(engine, "records")) await changeHeaders(engine, expected);
      const { lease, message } = await claimOne(engine);
      assert.deepEqual(message.headers, expected);
      (message.headers.types as string[]).push("g.H");
      await engine.settle([{ kind: "fail", lease, reason: { code: "ERR_TEST", message: "kept" } }]);
      await changeHeaders(engine, expected);
      assert.equal(await engine.retry(["1"]), 1);
      assert.deepEqual((await claimOne(engine)).message.headers, expected);
    },
  },
];

/** Changes the headers of a record, which must be as they are expected to be. */
async function changeHeaders(engine: Engine, expected: MessageHeaders): Promise<void> {
  const { headers } = (await find(engine, "1")).message;
  assert.deepEqual(headers, expected);
  (headers.types as string[]).push("e.F");
}

/** Whether something was accepted; what refuses it must say so with a code. */
async function carried(call: Promise<unknown>): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
    assert.match(String(code), /^ERR_[A-Z_]+$/, `refused without a code: ${String(message)}`);
    return false;
  }
}

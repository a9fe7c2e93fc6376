/** Pickles, and what else is no JSON, from real Celery producers and workers: never decoded, never lost, and told to whoever sent it. */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { deflateSync } from "node:zlib";
import { Petiole, type Worker } from "petiole";
import type { Engine, TaskRecord } from "petiole/engine";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { python } from "../services/python.ts";
import { brokers, type RunningBroker } from "./brokers.ts";
import { good } from "./malformed-messages.ts";
import { openRaw, type RawBroker, type RawMessage } from "./raw.ts";
import { startCeleryWorker, startSiteClient, type SiteClient } from "./site.ts";

const timeout = 60_000;

/** Says what a reason must say: what its sender has to set. */
const advice = /task_serializer = "json".*accept_content.*package petiole/;

/** A Python expression: an object whose pickle runs a command where it is decoded. */
const hostile = (file: string): string =>
  `type("Hostile", (), {"__reduce__": lambda self: (os.system, (${JSON.stringify(`touch ${file}`)},))})()`;

/** The bytes of a task that cannot be read, from what its record shows. */
function bytesOf({ message: { payload } }: TaskRecord): Buffer {
  const [, base64] = /^\{"__type__":"base64","__value__":"([\w+/=]*)"\}$/.exec(payload) ?? [];
  return base64 === undefined ? Buffer.from(payload) : Buffer.from(base64, "base64");
}

/** A body to the letter as Celery 5.6.3 sends it with `serializer="yaml"`, Kombu 5.6.2 and PyYAML 6.0.3. */
const yaml = String.raw`- []
- marker:
  - &id001
    - 1.5
    - "\xE9"
  - *id001
  - 2026-11-23 12:00:00+00:00
- callbacks: null
  chain: null
  chord: null
  errbacks: null
`;

for (const kind of brokers) {
  const skipped = kind.missing === undefined ? "" : ` (skipped: ${kind.missing})`;
  describe.skipIf(kind.missing !== undefined)(`pickles on ${kind.name}${skipped}`, () => {
    let broker: RunningBroker;
    let raw: RawBroker;
    let client: SiteClient;
    let engine: Engine;
    let worker: Worker;
    let folder: string;
    const ran: unknown[] = [];

    const work = async (): Promise<void> => {
      const app = new Petiole({ engine, defaults: { queue: "ts", retry: { attempts: 1 } } });
      app.task("ts.mark", ({ marker }: { marker?: unknown }) => {
        ran.push(marker);
        return marker;
      });
      const logger = { info: () => undefined, warn: () => undefined, error: () => undefined };
      worker = app.worker({ queues: ["ts"], watchdog: false, logger });
      await worker.start();
    };

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), "petiole-pickle-"));
      broker = await kind.start();
      raw = await openRaw(broker.places.broker);
      client = await startSiteClient(broker.places);
      // As a site has it that sends pickles.
      await client.value('app.conf.update(task_serializer="pickle", accept_content=["json", "pickle"])');
      // As Kombu does where PyYAML is there, which is needed for this alone.
      await client.value(
        `__import__("kombu").serialization.register("yaml", lambda _: ${JSON.stringify(yaml)}, None, "application/x-yaml", "utf-8")`,
      );
      engine = broker.engine();
      await work();
    }, 90_000);

    afterAll(async () => {
      await worker?.stop({ timeout: 0 });
      await engine?.close();
      await client?.stop();
      await raw?.close();
      await broker?.close();
      rmSync(folder, { recursive: true, force: true });
    }, 60_000);

    const parked = async (id: string): Promise<TaskRecord> => {
      await expect.poll(async () => (await engine.find(id))?.state, { timeout }).toBe("parked");
      return (await engine.find(id))!;
    };
    const discard = (id: string): Promise<number> =>
      engine.discard([id], { code: "ERR_TASK_CANCELLED", message: "it was a pickle" });
    const sent = async (expression: string): Promise<string> =>
      (await client.outcome(expression)).plain as string;

    test("one that would run a command is parked, looked at, retried and given up, and runs none", async () => {
      const file = join(folder, "hostile");
      const id = await sent(`send("ts.mark", kwargs={"marker": ${hostile(file)}})`);
      const record = await parked(id);
      expect(record).toMatchObject({
        message: { id, task: "ts.mark", queue: "ts" },
        reason: { code: "ERR_ENGINE_UNSUPPORTED", message: expect.stringMatching(advice) as string },
      });
      expect(record.reason!.message).toContain('"application/x-python-serialize", Python\'s pickle');
      const bytes = bytesOf(record);
      // Of protocol 2 and later, and with the command in it.
      expect(bytes[0]).toBe(0x80);
      expect(bytes.includes(`touch ${file}`)).toBe(true);
      const { records } = await engine.list({ states: ["parked"], task: "ts.mark" });
      expect(records.find(({ message }) => message.id === id)).toEqual(record);
      // Whoever waits is told. Celery itself drops such a message, and answers nothing.
      expect(await client.outcome(`get("${id}")`)).toMatchObject({
        args: expect.stringContaining("task_serializer") as string,
      });
      // As it came, so it comes back.
      expect(await engine.retry([id])).toBe(1);
      await expect.poll(async () => (await engine.find(id))?.endedAt, { timeout }).not.toBe(record.endedAt);
      const again = await parked(id);
      expect(bytesOf(again)).toEqual(bytes);
      expect(again.reason).toEqual(record.reason);
      expect(await discard(id)).toBe(1);
      expect((await engine.list({ states: ["parked"] })).records).toEqual([]);
      expect(existsSync(file)).toBe(false);
      // The bytes are a command all the same: whoever decodes them runs it.
      const decode = `import pickle, base64; pickle.loads(base64.b64decode("${bytes.toString("base64")}"))`;
      await promisify(execFile)(python, ["-c", decode]);
      expect(existsSync(file)).toBe(true);
    });

    test.each([
      ["pickle", "task_serializer", "application/x-python-serialize", "pickle.loads"],
      ["msgpack", 'serializer="msgpack"', "application/x-msgpack", "msgpack.unpackb"],
      ["pickle, compressed", 'compression="gzip"', "application/x-python-serialize", "unpacked"],
    ])(
      "%s of Celery's is parked with its bytes, and its sender told",
      async (_name, option, type, decode) => {
        const options = option === "task_serializer" ? "" : `, ${option}`;
        const id = await sent(`send("ts.mark", kwargs={"marker": [1.5, "é"]}${options})`);
        const record = await parked(id);
        expect(record.reason).toMatchObject({
          code: "ERR_ENGINE_UNSUPPORTED",
          message: expect.stringMatching(advice) as string,
        });
        expect(record.reason!.message).toContain(`"${type}"`);
        const modules = "import base64, json, msgpack, pickle, zlib";
        const unpacked = "unpacked = lambda bytes: pickle.loads(zlib.decompress(bytes))";
        const base64 = bytesOf(record).toString("base64");
        const code = `${modules}\n${unpacked}\nprint(json.dumps(${decode}(base64.b64decode("${base64}"))[1]))`;
        const { stdout } = await promisify(execFile)(python, ["-c", code]);
        expect(JSON.parse(stdout)).toEqual({ marker: [1.5, "é"] });
        expect(await client.outcome(`get("${id}")`)).toMatchObject({
          args: expect.stringContaining("task_serializer") as string,
        });
        expect(await discard(id)).toBe(1);
      },
    );

    test("YAML is parked with its bytes, and its sender told", async () => {
      const id = await sent(`send("ts.mark", kwargs={"marker": 1}, serializer="yaml")`);
      const record = await parked(id);
      expect(record.reason).toMatchObject({
        code: "ERR_ENGINE_UNSUPPORTED",
        message: expect.stringMatching(advice) as string,
      });
      expect(record.reason!.message).toContain('its content is string "application/x-yaml", YAML');
      expect(bytesOf(record).toString()).toBe(yaml);
      expect(await client.outcome(`get("${id}")`)).toMatchObject({
        args: expect.stringContaining("task_serializer") as string,
      });
      expect(await discard(id)).toBe(1);
      // Nor is it looked into when it says that it is JSON.
      const wrong = { ...good("YAML that is called JSON"), body: yaml };
      await raw.put("ts", wrong);
      const other = await parked("YAML that is called JSON");
      expect(other.reason?.message).toMatch(/body: expected an array/);
      expect(bytesOf(other).toString()).toBe(yaml);
      expect(await discard("YAML that is called JSON")).toBe(1);
      expect(ran).toEqual([]);
    });

    const bytes = Buffer.from([0x80, 4, 0x95, 0xff, 0x2e]);
    test.each<[string, Partial<RawMessage>]>([
      [
        "bytes of no declared form",
        { contentType: "application/data", contentEncoding: "binary", body: bytes },
      ],
      ["bytes that are called text", { contentType: "text/plain", body: bytes }],
      ["JSON that is called text", { contentType: "text/plain" }],
      ["a pickle of no declared type", { contentType: undefined, contentEncoding: undefined, body: bytes }],
      ["JSON of no declared type", { contentType: undefined, contentEncoding: undefined }],
      ["an empty type", { contentType: "" }],
      ["a pickle in capitals", { contentType: "Application/X-Python-Serialize; x=y", body: bytes }],
      ["a type that nobody has", { contentType: "application/x-nothing", contentEncoding: "klingon" }],
      ["JSON whose encoding is binary", { contentEncoding: "binary" }],
    ])("%s is parked with its bytes", async (name, change) => {
      const id = `raw ${name}`;
      const message = { ...good(id), ...change };
      await raw.put("ts", message);
      const record = await parked(id);
      expect(record.reason).toMatchObject({
        code: "ERR_ENGINE_UNSUPPORTED",
        message: expect.stringMatching(advice) as string,
      });
      expect(bytesOf(record)).toEqual(Buffer.from(message.body));
      expect(await discard(id)).toBe(1);
      expect(await engine.find(id)).not.toMatchObject({ state: "parked" });
    });

    test.each<[string, Partial<RawMessage>]>([
      ["a pickle", { body: bytes }],
      ["a pickle in zlib", { body: deflateSync(bytes), headers: { compression: "application/x-gzip" } }],
    ])("%s that is called JSON is parked with its bytes, too", async (name, change) => {
      const id = `called JSON: ${name}`;
      const message = {
        ...good(id),
        ...change,
        headers: { ...good(id).headers, ...(change.headers as object) },
      };
      await raw.put("ts", message);
      const record = await parked(id);
      expect(record.reason?.message).toMatch(/body: expected text in UTF-8/);
      expect(bytesOf(record)).toEqual(message.body);
      expect(await discard(id)).toBe(1);
    });

    test("what was parked runs where a Python worker that accepts pickles takes from its queue", async () => {
      const file = join(folder, "accepted");
      const id = await sent(`send("tasks.describe", kwargs={"value": {1, 2}}, queue="ts")`);
      const command = await sent(`send("tasks.describe", kwargs={"value": ${hostile(file)}}, queue="ts")`);
      for (const each of [id, command]) await parked(each);
      await worker.stop({ timeout: 0 });
      expect(await engine.retry([id, command])).toBe(2);
      // As root, Celery starts no worker that accepts pickles unless it is told to.
      const environment = { ACCEPT: "json,pickle", C_FORCE_ROOT: "1" };
      const accepting = await startCeleryWorker({ ...broker.places, environment, queues: ["ts"] });
      try {
        await expect.poll(accepting.said, { timeout }).toContain(`Task tasks.describe[${id}] succeeded`);
        expect(accepting.said()).toContain("{'value': ['set', '{1, 2}']}");
        // Why no worker of ours does: before any task was asked whether it wants this, the command has run.
        await expect.poll(() => existsSync(file), { timeout }).toBe(true);
      } finally {
        await accepting.stop();
        await work();
      }
      expect((await engine.list({ states: ["parked"] })).records).toEqual([]);
    });

    test("a result that is pickled is refused to whoever waits, undecoded", async () => {
      const app = new Petiole({ engine, defaults: { queue: "celery" } });
      const add = app.task<{ x: number; y: number }, number>("tasks.add");
      const environment = { RESULT_SERIALIZER: "pickle", ACCEPT: "json,pickle", C_FORCE_ROOT: "1" };
      const pickling = await startCeleryWorker({ ...broker.places, environment });
      let handle;
      try {
        handle = await add.enqueue({ x: 2, y: 3 });
        await expect(handle.result({ timeout })).rejects.toMatchObject({
          code: "ERR_ENGINE_ROW_UNREADABLE",
          message: expect.stringMatching(new RegExp(`${handle.id}.*result_serializer = "json"`)) as string,
        });
      } finally {
        await pickling.stop();
      }
      const mended = await startCeleryWorker(broker.places);
      try {
        const second = await add.enqueue({ x: 2, y: 3 });
        expect(await second.result({ timeout })).toBe(5);
        await expect(engine.find(handle.id)).rejects.toMatchObject({ code: "ERR_ENGINE_ROW_UNREADABLE" });
      } finally {
        await mended.stop();
      }
    });

    test("a site that moves: some tasks are pickled still, and the package petiole carries the others", async () => {
      const environment = { ACCEPT: "json,pickle", C_FORCE_ROOT: "1" };
      const places = { ...broker.places, environment, petiole: true };
      const site = await startSiteClient(places);
      const accepting = await startCeleryWorker({ ...places, pool: "prefork" });
      ran.length = 0;
      try {
        expect(await site.value("old_count.delay(items={1, 2, 3}).get(timeout=20)")).toBe("['set', 3]");
        // By JSON, in the package's words.
        const set = 'call("tasks.describe", kwargs={"value": {1, 2}})';
        expect(await site.value(set)).toBe("{'value': ['OrderedSet', 'OrderedSet({1, 2})']}");
        // The old name takes the old arguments, an instance; its result is that of the task in TypeScript.
        const order = 'Order(id=7, at=datetime.datetime(2026, 1, 2), lines=["pen"])';
        expect(await site.value(`old_mark.delay(${order}).get(timeout=20)`)).toBe("7");
        expect(ran).toEqual([7]);
        expect((await engine.list({ states: ["parked", "failed"] })).records).toEqual([]);
      } finally {
        await accepting.stop();
        await site.stop();
        ran.length = 0;
      }
    });

    test("a revoke that is pickled is not heard, and harms nobody", async () => {
      await client.value('app.control.revoke("revoked", terminate=True)');
      const call = 'call("ts.mark", kwargs={"marker": 1}, task_id="revoked", serializer="json", timeout=60)';
      expect(await client.value(call)).toBe("1");
      ran.length = 0;
    });

    test("and the worker takes JSON as before", async () => {
      const call = 'call("ts.mark", kwargs={"marker": "json"}, serializer="json", timeout=60)';
      expect(await client.value(call)).toBe("'json'");
      expect(ran).toEqual(["json"]);
    });
  });
}

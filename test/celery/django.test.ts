/**
 * A Django site and TypeScript on one PostgreSQL database, with Celery between them: rows travel as references in both
 * directions, and so do value classes, snapshots and values that JSON has no form for.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { eq } from "drizzle-orm";
import { drizzle as connect, type NodePgDatabase } from "drizzle-orm/node-postgres";
import { Redis } from "ioredis";
import { Pool } from "pg";
import {
  Petiole,
  Reference,
  ref,
  snapshot,
  Snapshot,
  type EnqueueOptions,
  type Handle,
  type Lazy,
  type Worker,
} from "petiole";
import { celery } from "petiole/engine/celery";
import { fromDjango, toDjango } from "petiole/model";
import { drizzle } from "petiole/orm/drizzle";
import { Foreign } from "petiole/wire";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { noPostgres, startPostgres } from "../services/postgres.ts";
import { noPython } from "../services/python.ts";
import { noOwnRedis, startOwnRedis } from "../services/redis.ts";
import { Money } from "./django_site/money.ts";
import { startDjangoSite, type DjangoSite } from "./django_site/start.ts";
import {
  answers,
  comments,
  questions,
  type Answer,
  type Comment,
  type Question,
} from "./django_site/tables.ts";

const missing = noPython ?? noOwnRedis ?? noPostgres;
const skipped = missing === undefined ? "" : ` (skipped: ${missing})`;
const timeout = 20_000;
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
const written = new Foreign("datetime", "2026-01-02T03:04:05.678901+00:00");

interface Indexed {
  post: Question | Answer | Comment | null;
  posts?: (Question | Answer | Comment)[];
  was?: Snapshot<Comment>;
  lazy?: Lazy<Comment>;
  fee?: Money;
  value?: unknown;
  want?: string;
}

function appOn(db: NodePgDatabase, broker: Redis) {
  return new Petiole({
    engine: celery({ broker, dialect: "exact" }),
    values: [Money],
    models: [
      drizzle(db, {
        "qa.Question": questions,
        "qa.Answer": answers,
        "qa.Comment": { table: comments, version: "revision" },
      }),
    ],
    defaults: { queue: "celery", retry: { attempts: 1 } },
  });
}

interface Sent<P extends object, R> {
  enqueue(payload: P, options?: EnqueueOptions): Promise<Handle<R>>;
}

describe.skipIf(missing !== undefined)(`with a Django site${skipped}`, () => {
  let site: DjangoSite;
  let db: NodePgDatabase;
  let redis: Redis;
  let app: ReturnType<typeof appOn>;
  let worker: Worker;
  const closing: (() => unknown)[] = [];
  /** The tables that Drizzle was asked for. */
  const asked: string[] = [];
  /** What the handler was given. */
  const arrived: Indexed[] = [];

  beforeAll(async () => {
    const [postgres, server] = await Promise.all([startPostgres(), startOwnRedis()]);
    closing.push(postgres.stop, server.stop);
    site = await startDjangoSite({ database: postgres.url, redis: `${server.url}/0` });
    closing.push(site.stop);
    const pool = new Pool({ connectionString: postgres.url });
    closing.push(() => pool.end());
    const logger = {
      logQuery: (text: string) => void asked.push(...(/^select .* from "(\w+)"/.exec(text)?.slice(1) ?? [])),
    };
    db = connect(pool, { logger });
    redis = new Redis(server.port, "127.0.0.1");
    closing.push(() => redis.disconnect());
    app = appOn(db, redis);
    closing.push(() => app.close());
    app.task(
      "ts.index",
      async (payload: Indexed, job) => {
        arrived.push(payload);
        const { post, posts = [], was, lazy, fee, value, want } = payload;
        const row = await lazy?.load();
        if (want === "fee") return fee!.plus(new Money({ amount: 1n, currency: "EUR" }));
        if (want === "value") return value;
        if (want === "snapshot") return { is: was, fields: Object.keys(was!.fields) };
        if (want === "reference") return post && app.ref(job.modelOf(post), post.id);
        if (row) return { body: row.body };
        if (post === null) return { body: null };
        return {
          model: job.modelOf(post),
          pk: post.id,
          body: post.body,
          same: posts.map((each) => each === post),
        };
      },
      { queue: "ts" },
    );
    worker = app.worker({ queues: ["ts"], watchdog: false, logger: quiet });
    await worker.start();
    closing.push(() => worker.stop({ timeout: 0 }));
  }, 120_000);

  afterAll(async () => {
    for (const close of closing.toReversed()) await close();
  }, 60_000);

  beforeEach(() => {
    asked.length = 0;
    arrived.length = 0;
  });

  /** A task of the Django site's. */
  const python = <P extends object, R = unknown>(name: string): Sent<P, R> => {
    tasks.set(name, tasks.get(name) ?? app.task(name));
    return tasks.get(name) as unknown as Sent<P, R>;
  };
  const tasks = new Map<string, object>();

  /** A question with an answer and a comment, written by TypeScript. */
  async function thread(
    body = "written by TypeScript",
  ): Promise<{ question: Question; answer: Answer; comment: Comment }> {
    const [question] = await db
      .insert(questions)
      .values({ title: "Why?", body: "the question", views: 2n ** 60n + 1n, askedAt: new Date(0) })
      .returning();
    const [answer] = await db
      .insert(answers)
      .values({ questionId: question!.id, body: "the answer" })
      .returning();
    const [comment] = await db
      .insert(comments)
      .values({
        answerId: answer!.id,
        body,
        likes: 2n ** 60n + 1n,
        tip: "12345678901234567890.1250",
        writtenAt: written.text,
        day: "2026-01-02",
        token: "00000000-0000-0000-0000-000000000007",
        picture: new Uint8Array([0, 255]),
        tags: ["a", { b: null }],
        revision: 1,
      })
      .returning();
    return { question: question!, answer: answer!, comment: comment! };
  }

  describe("Django sends", () => {
    test("an instance arrives as the row as it is then, plain, of three models", async () => {
      expect(await site.client.value("later(lambda row: row)")).toMatch(
        /^\{'model': 'qa.Comment', 'pk': \d+, 'body': 'edited', 'same': \[\]\}$/,
      );
      expect(Object.getPrototypeOf(arrived[0]!.post)).toBe(Object.prototype);
      expect(arrived[0]!.post).toMatchObject({ likes: 2n ** 60n + 1n, tip: "12345678901234567890.1250" });
      const [{ at }] = (await db.execute(`select written_at::text as at from qa_comment limit 1`)).rows as [
        { at: string },
      ];
      expect((arrived[0]!.post as Comment).writtenAt).toBe(at);
      expect(at).toContain("05.678901");
      expect(await site.client.value("later(lambda row: row.answer)")).toContain("'model': 'qa.Answer'");
      expect(await site.client.value("later(lambda row: row.answer.question)")).toContain(
        "'model': 'qa.Question'",
      );
      expect(arrived[2]!.post).toMatchObject({ views: 2n ** 60n + 1n });
    });

    test("rows of one model are loaded by one query, and one row is one object", async () => {
      const sent =
        "(lambda c: index.delay(post=c, posts=[c, c.answer, *c.answer.comments.all(), c.answer.question]).get(timeout=20))(thread(20))";
      const same = [true, false, ...Array<boolean>(19).fill(false), true, false];
      const text = await site.client.value(sent);
      expect(text).toContain(`'same': [${same.map((each) => (each ? "True" : "False")).join(", ")}]`);
      expect(asked.toSorted()).toEqual(["qa_answer", "qa_comment", "qa_question"]);
    });

    test("what is sent on commit runs after it, with its id known at once; after a rollback nothing is sent", async () => {
      const id = (await site.client.outcome("in_transaction(commit=True)")).plain as string;
      expect(id).toMatch(/^[\da-f-]{36}$/);
      expect(await site.client.value(`result(${JSON.stringify(id)})`)).toContain("edited before the commit");
      expect(arrived).toHaveLength(1);
      await site.client.value("in_transaction(commit=False)");
      // Sent after it: had the other been sent, it would have run before this one.
      await site.client.value('index.delay(post=None, want="value", value=1).get(timeout=20)');
      expect(arrived).toHaveLength(2);
      expect(await redis.llen("ts")).toBe(0);
    });

    test("a row that was not saved is refused at the send, with its place", async () => {
      expect(await site.client.outcome("index.delay(post=Comment(body='new'))")).toMatchObject({
        error: "kombu.exceptions.EncodeError",
        args: expect.stringMatching(/post.*has no row yet/),
      });
    });

    test("a missing row is what the reference says", async () => {
      expect(await site.client.outcome("gone()")).toMatchObject({
        error: "petiole.errors.RowMissing",
        args: expect.stringContaining("there is no qa.Comment with the key"),
      });
      expect(await site.client.outcome("gone(if_missing='skip')")).toMatchObject({
        error: "celery.exceptions.TaskRevokedError",
      });
      expect(await site.client.value("gone(if_missing='null')")).toBe("{'body': None}");
      expect(await site.client.value("late()")).toContain("'body': 'late'");
    });

    test("a row that has changed is what the reference says", async () => {
      expect(await site.client.outcome("changed('skip')")).toMatchObject({
        error: "celery.exceptions.TaskRevokedError",
      });
      expect(await site.client.outcome("changed('fail')")).toMatchObject({
        error: "petiole.errors.RowChanged",
        args: expect.stringContaining("changed"),
      });
      expect(await site.client.value("changed('run')")).toContain("'model': 'qa.Comment'");
    });

    test("a lazy reference is loaded when the handler asks for it", async () => {
      const sent = "index.delay(post=None, lazy=Lazy(ref(thread()))).get(timeout=20)";
      expect(await site.client.value(sent)).toBe("{'body': 'comment 0'}");
    });

    test("a value class arrives with its methods, and its instance comes back", async () => {
      const sent = "index.delay(post=None, fee=Money(BigInt(2**70), 'EUR'), want='fee').get(timeout=20)";
      expect(
        await site.client.value(`${sent}.plus(Money(BigInt(1), 'EUR')) == Money(BigInt(2**70 + 2), 'EUR')`),
      ).toBe("True");
      expect(arrived[0]!.fee).toBeInstanceOf(Money);
      expect(await site.client.outcome("index.delay(post=None, fee=Money('x', 'EUR'))")).toMatchObject({
        error: "kombu.exceptions.EncodeError",
      });
    });

    test("integers, decimals, times, sets and circles come back exactly", async () => {
      const value =
        "{'big': 2**80, 'small': 5, 'decimal': decimal.Decimal('1.10'), 'at': WRITTEN, 'naive': datetime.datetime(2026,1,2)," +
        " 'bytes': b'\\x00\\xff', 'set': {1, 'a'}, 'key': uuid.UUID(int=7), 'day': datetime.date(2026,1,2)}";
      expect(
        await site.client.value(
          `index.delay(post=None, value=${value}, want='value').get(timeout=20) == ${value}`,
        ),
      ).toBe("True");
      expect(arrived[0]!.value).toMatchObject({
        big: 2n ** 80n,
        at: written,
        decimal: new Foreign("decimal", "1.10"),
      });
      const circle =
        "(lambda c: [c.append(c), index.delay(post=None, value=c, want='value').get(timeout=20)][1])([])";
      expect(await site.client.value(`(lambda c: c[0] is c)(${circle})`)).toBe("True");
    });

    test("a reference as a result is not loaded", async () => {
      const sent = "index.delay(post=thread(), want='reference').get(timeout=20)";
      expect(await site.client.value(`(lambda r: (type(r).__name__, r.model))(${sent})`)).toBe(
        "('Ref', 'qa.Comment')",
      );
    });
  });

  describe("TypeScript sends", () => {
    test("a reference arrives as an instance of the model, as the row is then", async () => {
      const { question, answer, comment } = await thread();
      const handle = await app.transaction(db, async (tx) => {
        const sent = await python<object>("qa.read").enqueue({
          post: ref(comments, comment),
          on: ref(answers, answer.id),
          about: app.ref("qa.Question", question.id),
        });
        await tx.update(comments).set({ body: "edited" }).where(eq(comments.id, comment.id));
        return sent;
      });
      expect(await handle.result({ timeout })).toEqual({
        tables: ["qa_answer", "qa_comment", "qa_question"],
        rows: {
          post: { model: "qa.Comment", pk: comment.id, body: "edited", adding: false },
          on: { model: "qa.Answer", pk: answer.id, body: "the answer", adding: false },
          about: { model: "qa.Question", pk: Number(question.id), body: "the question", adding: false },
        },
      });
    });

    test("rows of one model are loaded by one query, and one row is one object", async () => {
      const rows = await Promise.all(Array.from({ length: 10 }, (_, at) => thread(`comment ${at}`)));
      const list = rows.map(({ comment }) => ref(comments, comment));
      const read = await python<object>("qa.read").enqueue({ one: list[3], list });
      expect(await read.result({ timeout })).toMatchObject({
        tables: ["qa_comment"],
        rows: { list: rows.map((_, at) => ({ body: `comment ${at}` })) },
      });
      const same = await python<object>("qa.same").enqueue({ one: list[3], several: list.slice(2, 5) });
      expect(await same.result({ timeout })).toEqual([false, true, false]);
    });

    test("what is sent in a transaction is sent after its commit; after a rollback nothing is", async () => {
      const read = python<object>("qa.read");
      const handle = await app.transaction(db, async (tx) => {
        const [answer] = await tx
          .insert(answers)
          .values({ questionId: (await thread()).question.id, body: "draft" })
          .returning();
        const sent = await read.enqueue({ post: ref(answers, answer!) });
        await tx.update(answers).set({ body: "final" }).where(eq(answers.id, answer!.id));
        return sent;
      });
      expect(await handle.result({ timeout })).toMatchObject({ rows: { post: { body: "final" } } });
      const rolledBack = app.transaction(db, async (tx) => {
        await tx.insert(answers).values({ questionId: 1n, body: "never" });
        await read.enqueue({ post: ref(answers, 1) }, { delay: "1h" });
        throw new RangeError("no");
      });
      await expect(rolledBack).rejects.toThrow(RangeError);
      await expect
        .poll(async () => [await redis.llen("celery"), await redis.hlen("unacked")], { timeout: 5000 })
        .toEqual([0, 0]);
    });

    test("a missing row is what the reference says", async () => {
      const read = python<object>("qa.read");
      const fails = await read.enqueue({ post: ref(comments, 99_999) });
      await expect(fails.result({ timeout })).rejects.toMatchObject({
        code: "ERR_TASK_FAILED",
        reason: {
          code: "ERR_ROW_MISSING",
          details: { name: "RowMissing", module: "petiole.errors" },
          message: expect.stringContaining("99999"),
        },
      });
      const skips = await read.enqueue({ post: ref(comments, 99_999, { ifMissing: "skip" }) });
      await expect(skips.result({ timeout })).rejects.toMatchObject({
        code: "ERR_TASK_CANCELLED",
      });
      const goes = await read.enqueue({ post: ref(comments, 99_999, { ifMissing: "null" }) });
      expect(await goes.result({ timeout })).toMatchObject({ rows: { post: null } });
      const { comment } = await thread();
      const waits = await read.enqueue({ post: ref(comments, comment.id + 5000, { ifMissing: "wait" }) });
      await sleep(500);
      await db.insert(comments).values({ ...comment, id: comment.id + 5000, body: "late" });
      expect(await waits.result({ timeout })).toMatchObject({ rows: { post: { body: "late" } } });
    });

    test("a row that has changed is what the reference says", async () => {
      const read = python<object>("qa.read");
      const { comment } = await thread();
      const runs = await read.enqueue({ post: ref(comments, comment, { ifChanged: "skip" }) });
      expect(await runs.result({ timeout })).toMatchObject({ rows: { post: { pk: comment.id } } });
      const [skips, fails] = await app.transaction(db, async (tx) => {
        const sent = [
          await read.enqueue({ post: ref(comments, comment, { ifChanged: "skip" }) }),
          await read.enqueue({ post: ref(comments, comment, { ifChanged: "fail" }) }),
        ] as const;
        await tx.update(comments).set({ revision: 2 }).where(eq(comments.id, comment.id));
        return sent;
      });
      await expect(skips.result({ timeout })).rejects.toMatchObject({
        code: "ERR_TASK_CANCELLED",
      });
      await expect(fails.result({ timeout })).rejects.toMatchObject({
        reason: { code: "ERR_ROW_CHANGED", details: { name: "RowChanged" } },
      });
    });

    test("the columns of the row are exact there", async () => {
      const { comment } = await thread();
      const handle = await python<object, Record<string, unknown>>("qa.exact").enqueue({
        comment: ref(comments, comment),
      });
      const exact = await handle.result({ timeout });
      expect({ ...exact, day: String(exact.day) }).toEqual({
        likes: 2n ** 60n + 1n,
        tip: new Foreign("decimal", "12345678901234567890.1250"),
        written_at: written,
        day: "2026-01-02",
        token: new Foreign("uuid", "00000000000000000000000000000007"),
        picture: new Uint8Array([0, 255]),
        tags: ["a", { b: null }],
      });
    });

    test("a value class arrives with its methods, and its instance comes back", async () => {
      const [one, two] = [2n ** 70n, 1n].map((amount) => new Money({ amount, currency: "EUR" }));
      const handle = await python<object, { total: Money; kinds: boolean[] }>("qa.add_up").enqueue({
        prices: [one, two],
      });
      const { total, kinds } = await handle.result({ timeout });
      expect(kinds).toEqual([true, true]);
      expect(total).toBeInstanceOf(Money);
      expect(total.plus(one!).amount).toBe(2n ** 71n + 1n);
    });

    test("bigints, decimals, microseconds, Maps and Sets come back exactly", async () => {
      const value = {
        big: 2n ** 80n,
        small: 5n,
        decimal: new Foreign("decimal", "19.90"),
        at: written,
        date: new Date(1_767_323_045_678),
        map: new Map<unknown, unknown>([[1n, new Set([1])]]),
        nothing: undefined,
        numbers: [-0, NaN],
      };
      const handle = await python<object, { value: unknown; text: string }>("qa.echo").enqueue({ value });
      const echoed = await handle.result({ timeout });
      expect(echoed.value).toEqual(value);
      expect(echoed.text).toContain("Decimal('19.90')");
      expect(echoed.text).toContain("678901");
    });

    test("rows that Python gives back are references", async () => {
      const { comment, answer } = await thread();
      const handle = await python<object, Reference[]>("qa.row").enqueue({ comment: ref(comments, comment) });
      const [row, on] = await handle.result({ timeout });
      expect(row).toBeInstanceOf(Reference);
      expect(row!.equals(ref(comments, comment))).toBe(true);
      expect(on!.equals(ref(answers, answer))).toBe(true);
    });
  });

  describe("snapshots", () => {
    test("of a row in Django arrive as it was, and are saved as such", async () => {
      const sent =
        "(lambda c: (c.pk, [index.delay(post=c, was=snapshot(c), want='snapshot'), edit(c, 'edited')][0].get(timeout=20)['is'] == snapshot(c)))(thread())";
      expect(await site.client.value(sent)).toMatch(/^\(\d+, True\)$/);
      const { was } = arrived[0]!;
      expect(was).toBeInstanceOf(Snapshot);
      expect(was!.model).toBe("qa.Comment");
      expect(was!.fields).toMatchObject({
        body: "comment 0",
        likes: 2n ** 60n + 1n,
        writtenAt: written,
        revision: 1,
      });
      expect(was!.fields.answerId).toBe((arrived[0]!.post as Comment).answerId);
      await db.delete(comments).where(eq(comments.id, was!.pk as number));
      expect(was!.entity).toMatchObject({ tip: "12345678901234567890.1250", writtenAt: written.text });
      await was!.save();
      const [row] = await db
        .select()
        .from(comments)
        .where(eq(comments.id, was!.pk as number));
      expect(row).toMatchObject({
        body: "comment 0",
        tip: "12345678901234567890.1250",
        token: "00000000-0000-0000-0000-000000000007",
      });
      expect(row!.writtenAt).toContain("05.678901");
    });

    test("with a time that a column of Dates cannot hold are not saved", async () => {
      const sent =
        "index.delay(post=None, want='snapshot', was=snapshot(thread().answer.question)).get(timeout=20)";
      await site.client.value(sent);
      await expect(arrived[0]!.was!.save()).rejects.toMatchObject({
        code: "ERR_SNAPSHOT_FIELDS",
        message: expect.stringContaining("qa.Question.askedAt"),
      });
    });

    test("of small integers have numbers, and of whole milliseconds Dates, for Django says no more", async () => {
      const small =
        "Comment(pk=c.pk, answer=c.answer, likes=5, written_at=WRITTEN.replace(microsecond=678000))";
      const changed = `(lambda c: [c.delete(), ${small}][1])(thread())`;
      const sent = `(lambda c: index.delay(post=None, want='snapshot', was=snapshot([c.save(force_insert=True), c][1])).get(timeout=20))(${changed})`;
      await site.client.value(sent);
      expect(arrived[0]!.was!.fields).toMatchObject({
        likes: 5,
        tip: null,
        writtenAt: new Date(1_767_323_045_678),
      });
    });

    test("of a row in TypeScript arrive as an instance as it was, and are saved as such", async () => {
      const { comment } = await thread("was");
      const flagged = snapshot(comments, comment);
      await db.update(comments).set({ body: "is" }).where(eq(comments.id, comment.id));
      const handle = await python<object>("qa.was").enqueue({ flagged, comment: ref(comments, comment) });
      expect(await handle.result({ timeout })).toEqual({
        kinds: [true, true, true],
        was: {
          body: "was",
          likes: 2n ** 60n + 1n,
          tip: new Foreign("decimal", "12345678901234567890.1250"),
          written_at: written,
          answer: comment.answerId,
          picture: new Uint8Array([0, 255]),
          token: new Foreign("uuid", "00000000000000000000000000000007"),
        },
        is: "is",
      });
      const restore = await python<object>("qa.restore").enqueue({ flagged });
      expect(await restore.result({ timeout })).toBe("was");
      expect(await db.select().from(comments).where(eq(comments.id, comment.id))).toEqual([comment]);
    });

    test("are what Django's own serializer says, through fromDjango and toDjango", async () => {
      const { comment } = await thread();
      const handle = await python<object, { snapshot: Snapshot<Comment>; django: string }>(
        "qa.snapshot",
      ).enqueue({
        comment: ref(comments, comment),
      });
      const { snapshot: sent, django } = await handle.result({ timeout });
      const fields = { answerId: "answer", writtenAt: "written_at" };
      const types = {
        tip: "decimal",
        writtenAt: "datetime",
        day: "date",
        token: "uuid",
        picture: "bytes",
      } as const;
      const [read] = fromDjango(django, [{ target: comments, fields, types }]);
      // Django's JSON cuts microseconds off; the wire does not.
      expect(sent.fields.writtenAt).toEqual(written);
      expect(read!.fields).toEqual({ ...sent.fields, writtenAt: new Date("2026-01-02T03:04:05.678Z") });
      expect([read!.model, read!.pk]).toEqual([sent.model, sent.pk]);

      await db.delete(comments).where(eq(comments.id, comment.id));
      const text = toDjango([snapshot(comments, comment)], { "qa.Comment": { fields } });
      const loaded = await python<object>("qa.load").enqueue({ text });
      expect(await loaded.result({ timeout })).toEqual([comment.id]);
      expect(await db.select().from(comments).where(eq(comments.id, comment.id))).toEqual([comment]);
    });
  });

  describe("without the package petiole, Django", () => {
    let plainWorker: Worker;
    let plainApp: Petiole;

    beforeAll(async () => {
      plainApp = new Petiole({ engine: celery({ broker: redis, dialect: "portable" }) });
      plainApp.task(
        "ts.echo",
        async ({ value }: { value: { comment?: number } | null }) => {
          if (value?.comment === undefined) return value;
          const [row] = await db.select().from(comments).where(eq(comments.id, value.comment));
          bodies.push(row?.body);
          return row?.body;
        },
        { queue: "plain-ts" },
      );
      plainWorker = plainApp.worker({ queues: ["plain-ts"], watchdog: false, logger: quiet });
      await plainWorker.start();
    });
    afterAll(async () => {
      await plainWorker?.stop({ timeout: 0 });
      await plainApp?.close();
    });
    const bodies: unknown[] = [];

    test("calls a task of TypeScript's by a stub and a route, and gets its result", async () => {
      expect(await site.plain.value("'petiole' in __import__('sys').modules")).toBe("False");
      const { comment } = await thread("by its key");
      const sent =
        "(lambda c: echo.delay(value={'tip': c.tip, 'at': c.written_at}).get(timeout=20) == {'tip': c.tip, 'at': c.written_at})";
      expect(await site.plain.value(`${sent}(Comment.objects.get(pk=${comment.id}))`)).toBe("True");
      expect(await site.plain.value(`echo.delay(value={'comment': ${comment.id}}).get(timeout=20)`)).toBe(
        "'by its key'",
      );
    });

    test("sends no rows, and by delay_on_commit after the commit alone", async () => {
      expect(await site.plain.outcome("echo.delay(value=Comment.objects.last())")).toMatchObject({
        error: "kombu.exceptions.EncodeError",
      });
      bodies.length = 0;
      await site.plain.value("after_commit()");
      await expect.poll(() => bodies, { timeout: 5000 }).toEqual(["edited before the commit"]);
    });
  });
});

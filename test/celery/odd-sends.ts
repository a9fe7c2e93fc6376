/**
 * What a producer of ours can be made to send, or refuses, and Celery's worker is to survive.
 *
 * @module
 */
import type { EnqueueOptions } from "petiole";
import { celeryOptions } from "petiole/engine/celery";
import { Foreign } from "petiole/wire";

/** One of them. */
export interface OddSend {
  readonly name: string;
  /** `tasks.describe` unless told, which takes any arguments by name. */
  readonly task?: string;
  readonly payload: () => unknown;
  /** May throw, as the send itself may. */
  readonly options?: () => EnqueueOptions;
  /** False for one that would end in a thousand years. */
  readonly isAnswered?: boolean;
}

const half = "\ud800";

function nested(levels: number, make: (inner: unknown) => unknown): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level += 1) value = make(value);
  return value;
}

function sent(name: string, payload: () => unknown): OddSend {
  return { name, payload };
}

function optioned(name: string, options: () => unknown, more: Partial<OddSend> = {}): OddSend {
  return { name, payload: () => ({ x: 1 }), options: options as () => EnqueueOptions, ...more };
}

/** The header `name` beside the task. */
function header(name: string, value: unknown): OddSend {
  const shown = name.length > 30 ? `of ${name.length} characters` : JSON.stringify(name);
  return optioned(`a header ${shown}: ${JSON.stringify(value)?.slice(0, 30)}`, () =>
    celeryOptions({ headers: { [name]: value as never } }),
  );
}

const payloads: readonly OddSend[] = [
  ...[100, 400, 900, 960, 1000, 2000, 10_000, 19_000].flatMap((levels) => [
    sent(`${levels} levels of arrays`, () => ({ x: nested(levels, (inner) => [inner]) })),
    sent(`${levels} levels of objects`, () => ({ x: nested(levels, (inner) => ({ a: inner })) })),
  ]),
  ...[
    "self",
    "args",
    "kwargs",
    "task_id",
    "request",
    "",
    "not a name",
    "class",
    "x".repeat(100_000),
    half,
    "\u0000",
    "__type__",
    "__class__",
    "__value__",
  ].map((name) => sent(`an argument ${JSON.stringify(name.slice(0, 20))}`, () => ({ [name]: 1 }))),
  sent("1,000 arguments", () => Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`a${at}`, at]))),
  sent("5 MB", () => ({ x: "ä".repeat(2_500_000) })),
  sent("a list of 500,000", () => ({ x: Array.from({ length: 500_000 }, (_, at) => at) })),
  ...[5, "text", "", null, undefined, true, [], [1, 2], half, NaN, -0, 1e308, 5e-324, 2 ** 53, 10n].map(
    (payload) =>
      sent(
        `the payload ${typeof payload === "bigint" ? "10n" : (JSON.stringify(payload) ?? "undefined")}`,
        () => payload,
      ),
  ),
  ...[
    -0,
    NaN,
    Infinity,
    1e308,
    -1e308,
    2 ** 53,
    2 ** 70,
    2n ** 64n,
    half,
    `a${half}b`,
    "\u0000\u2028\ufeff",
    undefined,
    Symbol.iterator,
  ].map((value) => sent(`a value ${String(value)}`, () => ({ x: value }))),
  ...[
    NaN,
    8.64e15,
    -8.64e15,
    Date.UTC(9999, 11, 31, 23, 59, 59, 999),
    Date.UTC(10_000, 0),
    -62_135_596_800_000,
    -62_135_596_800_001,
  ].map((time) => sent(`a Date of ${time}`, () => ({ x: new Date(time) }))),
  ...[
    new Uint8Array(0),
    new Uint8Array([0xff]),
    new Uint8Array(1_000_000),
    new Float64Array(2),
    new Map([[1, 2]]),
    new Set([1]),
    /x/g,
    new Error("x"),
    new URL("http://x"),
  ].map((value) => sent(`a ${value.constructor.name}`, () => ({ x: value }))),
  ...(
    [
      ["datetime", "garbage"],
      ["datetime", "2026-13-01T00:00:00"],
      ["datetime", "2026-01-02T03:04:05.1234567+00:00"],
      ["datetime", "2026-01-02T03:04:05Z"],
      ["date", "2026-02-30"],
      ["date", "-2026-01-01"],
      ["time", "25:00:00"],
      ["decimal", "1,5"],
      ["decimal", "sNaN"],
      ["decimal", "1e999999999999999999999"],
      ["decimal", "9".repeat(20_000)],
      ["uuid", "no"],
      ["uuid", "g".repeat(32)],
      ["bytes", half],
      ["base64", "%%%"],
      ["no.Such", 1],
      ["set", [1]],
      ["date", "+012026-01-01"],
      ["date", "0000-01-01"],
      ["date", "2026-01-01[u-ca=hebrew]"],
      ["datetime", "0000-01-01T00:00:00"],
      ["datetime", "+010000-01-01T00:00:00"],
      ["datetime", "2026-01-02T03:04+00:00"],
      ["datetime", "2026-01-02T03:04:05+99:99"],
      ["datetime", "2026-01-02T03:04:05+01:02:03.123456789"],
      ["datetime", "9999-12-31T23:59:59.999999999-12:00"],
      ["time", "01:02:03+99:00"],
      ["time", "01:02:03.123456789"],
      ["decimal", "NaN" + "1".repeat(40)],
      ["decimal", "1e99999999999999999"],
      ["decimal", "1e999999999999999999"],
      ["decimal", "10e999999999999999999"],
      ["decimal", "1.5e-999999999999999999"],
      ["decimal", "123456e-99999999999999999"],
    ] as const
  ).map(([type, value]) =>
    sent(`a Foreign ${type} ${String(value).slice(0, 40)}`, () => ({ x: new Foreign(type, value as never) })),
  ),
];

const headers: readonly OddSend[] = [
  ...[
    "x".repeat(255),
    "x".repeat(256),
    "x".repeat(1000),
    "ä".repeat(200),
    "",
    half,
    "__proto__",
    "x-death",
    "CC",
    "BCC",
    "!",
    "\u0000",
  ].map((name) => header(name, ["text"])),
  // What Celery keeps its own things under, in the object that a task sees its headers in.
  ...[
    "get",
    "update",
    "clear",
    "children",
    "called_directly",
    "is_eager",
    "eager",
    "logfile",
    "loglevel",
    "reply_to",
    "correlation_id",
    "_protected",
    "_children",
    "content_type",
    "properties",
    "delivery_mode",
    "execution_options",
    "as_execution_options",
    "__dict__",
    "__class__",
    "ack",
    "body",
    "ignore",
    "kind",
  ].flatMap((name) => [header(name, 5), header(name, true)]),
  ...[
    1.5,
    -1,
    2 ** 53 - 1,
    1e300,
    2 ** 62,
    true,
    null,
    "",
    "x".repeat(10_000),
    "x".repeat(50_000),
    "x".repeat(100_000),
    "x".repeat(1_000_000),
    half,
    [],
    [[], {}],
    {},
    { "": null },
    { [half]: 1 },
    [1, "x", null],
  ].map((value) => header("x-odd", value)),
  ...[50, 99, 101, 500, 5000].map((levels) =>
    header(
      "x-deep",
      nested(levels, (inner) => [inner]),
    ),
  ),
  optioned("500 headers", () =>
    celeryOptions({ headers: Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`x-${at}`, at])) }),
  ),
  optioned("headers of Petiole's own, of 1 MB", () => ({ headers: { big: "x".repeat(1_000_000) } })),
  optioned("a header task of Petiole's own", () => ({ headers: { task: 5, id: 5 } })),
];

const unheard = { task: "tasks.unheard_of" };

const options: readonly OddSend[] = [
  ...[0, 3, 5, 9].map((priority) => optioned(`the priority ${priority}`, () => celeryOptions({ priority }))),
  ...["x".repeat(10_000), "x".repeat(100_000), "a\nb", half, "\u0000", "%s %(name)s {0}"].map((shadow) =>
    optioned(`the shadow ${JSON.stringify(shadow.slice(0, 20))} of ${shadow.length}`, () =>
      celeryOptions({ shadow }),
    ),
  ),
  ...[1e-300, 0.001, 1, 1e10, 1e18, 1e300].flatMap((limit) => [
    optioned(`a timeLimit of ${limit} ms`, () => celeryOptions({ timeLimit: limit })),
    optioned(`a softTimeLimit of ${limit} ms`, () => celeryOptions({ softTimeLimit: limit })),
  ]),
  optioned("a link to no task", () => celeryOptions({ link: [unheard] })),
  optioned("a link of odd arguments", () =>
    celeryOptions({
      link: [{ task: "tasks.describe", args: [1, null, [half]], kwargs: { "": 1, [half]: 1 } }],
    }),
  ),
  optioned("a link_error to no task", () => celeryOptions({ linkError: [unheard] }), {
    task: "tasks.fail",
    payload: () => ({}),
  }),
  optioned(
    "a link_error of an odd id",
    () => celeryOptions({ linkError: [{ task: "tasks.echo", id: half, queue: "x".repeat(300) }] }),
    {
      task: "tasks.fail",
      payload: () => ({}),
    },
  ),
  optioned("a link to an odd queue", () =>
    celeryOptions({ link: [{ task: "tasks.echo", queue: "x".repeat(300) }] }),
  ),
  optioned("a link to a queue of NUL", () =>
    celeryOptions({ link: [{ task: "tasks.echo", queue: "\u0000" }] }),
  ),
  optioned("a chain of no tasks", () => celeryOptions({ chain: [unheard, unheard] })),
  ...[20, 40, 200].map((levels) =>
    optioned(`${levels} links in links`, () =>
      celeryOptions({
        link: [
          nested(levels, (inner) => ({ task: "tasks.echo", link: inner === 1 ? [] : [inner] })) as {
            task: string;
          },
        ],
      }),
    ),
  ),
  optioned("a chain of 300", () =>
    celeryOptions({ chain: Array.from({ length: 300 }, () => ({ task: "tasks.echo", immutable: true })) }),
  ),
  optioned("arguments of a link, 2,000 levels", () =>
    celeryOptions({ link: [{ task: "tasks.echo", args: [nested(2000, (inner) => [inner]) as never] }] }),
  ),
  optioned("a link with a tag that nobody knows", () =>
    celeryOptions({ link: [{ task: "tasks.echo", args: [{ __type__: "no.Such", __value__: 1 }] }] }),
  ),
  optioned("a link with numbers that are none", () =>
    celeryOptions({
      link: [
        {
          task: "tasks.echo",
          args: [
            { __type__: "bigint", __value__: "x" },
            { __type__: "number", __value__: {} },
          ],
        },
      ],
    }),
  ),
  optioned("a link whose arguments are in themselves", () => {
    const self: Record<string, unknown> = {};
    Object.assign(self, { one: self, two: self });
    return celeryOptions({ link: [{ task: "tasks.echo", kwargs: self as never }] });
  }),
  optioned("a link whose arguments by name are a tag", () =>
    celeryOptions({ link: [{ task: "tasks.echo", kwargs: { __type__: "decimal", __value__: "1" } }] }),
  ),
  optioned("compressed", () => celeryOptions({ compression: "zlib" })),
  optioned("expired before it was sent", () => ({ expires: new Date(0) })),
  optioned("expires in the year 9999", () => ({ expires: new Date(Date.UTC(9999, 11, 31)) })),
  optioned("expires in the year 100,000", () => ({ expires: new Date(Date.UTC(100_000, 0)) })),
  optioned("to be run in 100 years", () => ({ delay: "36500d" }), {
    isAnswered: false,
  }),
  optioned("to be run in the year 100,000", () => ({ delay: Date.UTC(100_000, 0) }), { isAnswered: false }),
  ...["x".repeat(300), "x".repeat(10_000), "a\nb", half, "__proto__", "%s"].map((task) =>
    optioned(`the task ${JSON.stringify(task.slice(0, 20))}`, () => ({}), { task }),
  ),
  ...[
    "tasks.total",
    "tasks.order",
    "tasks.add",
    "celery.chord",
    "celery.group",
    "celery.chain",
    "celery.map",
    "celery.chunks",
    "celery.accumulate",
    "celery.chord_unlock",
  ].map((task) =>
    optioned(`what ${task} does not take`, () => ({}), {
      task,
      payload: () => ({ header: 5, body: 5, tasks: 5, nothing: null }),
    }),
  ),
];

/** All of them. */
export const oddSends: readonly OddSend[] = [...payloads, ...headers, ...options];

"""Celery itself, with a Redis of its own: what is sent arrives, and nothing is lost."""

from __future__ import annotations

import base64
import json
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections import OrderedDict
from datetime import date, datetime, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path
from typing import Any, Dict, Iterator, List

import celery
import celery.app.trace
import celery.canvas
import kombu.serialization
import pytest
import redis
import wire_classes
from celery.contrib.testing.worker import start_worker
from celery.exceptions import ChordError
from kombu.compression import compress
from kombu.message import Message
from kombu.utils import json as kombu_json

import petiole.celery
from petiole.errors import DecodeError
from petiole.wire import BigInt, Map, Ref, Symbol, undefined

pytestmark = pytest.mark.skipif(not shutil.which("redis-server"), reason="needs redis-server")


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    server = subprocess.Popen(
        ["redis-server", "--port", str(number), "--save", "", "--appendonly", "no"], stdout=subprocess.DEVNULL
    )
    client = redis.Redis(port=number)
    for _ in range(100):
        try:
            client.ping()
            break
        except redis.ConnectionError:
            time.sleep(0.05)
    yield number
    server.terminate()
    server.wait()


@pytest.fixture(scope="module")
def app(port: int) -> Iterator[Any]:
    url = f"redis://127.0.0.1:{port}/0"
    app = celery.Celery("tests", broker=url, backend=url, set_as_current=False)
    app.conf.update(result_chord_join_timeout=10, broker_connection_retry_on_startup=False)
    petiole.celery.setup(app)

    @app.task(name="tests.kinds")
    def kinds(*args: Any, **kwargs: Any) -> Any:
        return [type(each).__name__ for each in [*args, *kwargs.values()]]

    @app.task(name="tests.echo")
    def echo(value: Any = None, **more: Any) -> Any:
        return value

    @app.task(name="tests.same")
    def same(one: Any, other: Any = None, *, named: Any = None) -> Any:
        return [one is other, one is named]

    @app.task(name="tests.bound", bind=True, max_retries=1)
    def bound(self: Any, value: Any) -> Any:
        if self.request.retries == 0:
            raise self.retry(countdown=0)
        return [value, self.request.petiole]

    @app.task(name="tests.saw")
    def saw(*args: Any) -> Any:
        redis.Redis(port=app.conf.petiole_port).set("saw", repr(args))

    @app.task(name="tests.cycle")
    def cycle(value: Any) -> Any:
        value["self"] = value
        return value

    app.conf.petiole_port = port
    yield app
    # What a failed get() leaves behind would look for the server when it is collected.
    type(app.backend).remove_pending_result = lambda self, result: result


@pytest.fixture(scope="module")
def worker(app: Any) -> Iterator[Any]:
    with start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=20) as running:
        yield running


def echo(app: Any, value: Any) -> Any:
    return app.tasks["tests.echo"].delay(value).get(timeout=15)


class Level(IntEnum):
    HIGH = 3


def test_python_objects(app: Any, worker: Any) -> None:
    at = datetime(2026, 7, 2, 1, 2, 3, 456789, timezone.utc)
    money = wire_classes.Money(amount=BigInt(5), currency="EUR")
    value = {
        "at": at,
        "date": date(2026, 1, 2),
        "price": Decimal("1.10"),
        "id": uuid.UUID(int=7),
        "bytes": b"\xff\x00",
        "text": b"text",
        "set": {1, 2},
        "map": Map([((1, 2), 3)]),
        "nothing": undefined,
        "symbol": Symbol("k"),
        "ref": Ref("qa.Comment", 7),
        "big": 2**70,
        "float": 5.0,
        "large": 1e17,
        "infinite": float("inf"),
        "level": Level.HIGH,
        "ordered": OrderedDict(b=1, a=2),
        1: "a key that is a number",
    }
    back = echo(app, {**value, "money": money})
    assert back["money"].amount == 5 and type(back["money"]) is wire_classes.Money
    for name in ("at", "date", "price", "id", "bytes", "text", "set", "nothing", "symbol", "ref", "infinite"):
        assert back[name] == value[name] and isinstance(back[name], type(value[name])), name
    assert (back["big"], type(back["big"])) == (2**70, int)
    assert (back["float"], type(back["float"])) == (5.0, float)
    assert (back["large"], type(back["large"])) == (1e17, float)
    assert back["level"] == 3 and list(back["ordered"]) == ["b", "a"]
    assert back["1"] == "a key that is a number"
    assert list(back["map"].items()) == [([1, 2], 3)]


def test_kinds_as_arguments(app: Any, worker: Any) -> None:
    sent = app.tasks["tests.kinds"].delay(Decimal(1), [b"a"], when=date(2026, 1, 2), gone=undefined)
    assert sent.get(timeout=15) == ["Decimal", "list", "date", "UndefinedType"]


def test_one_object_in_several_arguments(app: Any, worker: Any) -> None:
    shared = {"a": [1]}
    assert app.tasks["tests.same"].delay(shared, shared, named=shared).get(timeout=15) == [True, True]
    assert app.tasks["tests.same"].delay(shared, {"a": [1]}).get(timeout=15) == [False, False]


def test_a_result_in_a_circle(app: Any, worker: Any) -> None:
    back = app.tasks["tests.cycle"].delay({"a": 1}).get(timeout=15)
    assert back["self"] is back


def test_deep_arguments(app: Any, worker: Any) -> None:
    for levels in (3_000, 30_000):
        deep: Any = {"end": {1, 2}}
        for _ in range(levels):
            deep = [deep]
        back = echo(app, deep)
        for _ in range(levels):
            (back,) = back
        assert back == {"end": {1, 2}}


def test_a_retry_and_the_header(app: Any, worker: Any) -> None:
    money = wire_classes.Money(amount=BigInt(1), currency="EUR")
    value, header = app.tasks["tests.bound"].delay(money).get(timeout=15)
    assert value.currency == "EUR"
    said = json.loads(header)
    assert said["wire"] == 1 and said["types"] == ["shop.Money"] and abs(said["sentAt"] / 1000 - time.time()) < 60


def test_canvas(app: Any, worker: Any) -> None:
    task, shared = app.tasks["tests.echo"], [Decimal(1)]
    chain = (task.s(shared) | task.s(more=shared)).delay()
    assert chain.get(timeout=15) == [Decimal(1)]
    group = celery.group(task.s(b"a"), task.s({1}), app=app).delay()
    assert group.get(timeout=15) == [b"a", {1}]
    chord = celery.chord([task.s(Decimal(at)) for at in range(3)], task.s(), app=app).delay()
    assert chord.get(timeout=15) == [0, 1, 2]
    linked = task.apply_async(({3},), link=app.tasks["tests.saw"].s(Decimal(4)))
    assert linked.get(timeout=15) == {3}
    for _ in range(100):
        if saw := redis.Redis(port=app.conf.petiole_port).get("saw"):
            break
        time.sleep(0.05)
    assert b"Decimal('4')" in (saw or b"") and b"3" in (saw or b"")


def test_a_worker_of_several_processes(app: Any, port: int) -> None:
    """What runs a task is another process than what receives it."""
    url = f"redis://127.0.0.1:{port}/2"
    here = Path(__file__).parent
    environment = {**os.environ, "TEST_REDIS": url, "PYTHONPATH": f"{here}:{here.parent / 'src'}"}
    client = celery.Celery("client", broker=url, backend=url, set_as_current=False)
    money = wire_classes.Money(amount=BigInt(5), currency="EUR")
    sent = client.send_task("apart.kinds", (money, {1}), {"at": date(2026, 1, 2)})
    unknown = push(port, "apart.kinds", UNKNOWN, db=2)
    wrong = [push(port, "apart.kinds", body, db=2) for body in ("[[],{},[1]]", "null")]
    wrong.append(push(port, "apart.kinds", SOUND, db=2, timelimit="x"))
    depth = 3_000
    deep = push(port, "apart.kinds", "[[" + "[" * depth + "]" * depth + "],{},null]", db=2)
    command = [sys.executable, "-m", "celery", "-A", "celery_app", "worker", "-c", "1", "-P", "prefork", "-l", "error"]
    process = subprocess.Popen(command, env=environment, cwd=here)
    try:
        names, args, kwargs = sent.get(timeout=40)
        assert names == ["Money", "OrderedSet"] and args[0].currency == "EUR" and kwargs == {"at": date(2026, 1, 2)}
        with pytest.raises(DecodeError, match="shop.Unknown"):
            client.AsyncResult(unknown).get(timeout=20)
        for each in wrong:
            with pytest.raises(DecodeError, match="embed|body|timelimit"):
                client.AsyncResult(each).get(timeout=20)
        assert client.AsyncResult(deep).get(timeout=20)[0] == ["list"]
        assert client.send_task("apart.kinds").get(timeout=20)[0] == []
        assert redis.Redis(port=port, db=2).llen("celery.parked") == 4
    finally:
        process.send_signal(signal.SIGQUIT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def push(port: int, task: str, body: str, queue: str = "celery", db: int = 0, **headers: Any) -> str:
    """A message as another language sends it."""
    identity = str(uuid.uuid4())
    tag = {"delivery_tag": str(uuid.uuid4()), "delivery_mode": 2, "priority": 0, "body_encoding": "base64"}
    info = {"exchange": "", "routing_key": queue}
    envelope = {
        "body": base64.b64encode(body.encode()).decode(),
        "content-encoding": "utf-8",
        "content-type": headers.pop("content_type", "application/json"),
        "headers": {
            "lang": "ts", "task": task, "id": identity, "root_id": identity, "parent_id": None, "group": None,
            "retries": 0, "eta": None, "expires": None, "timelimit": [None, None], "petiole": '{"wire":1}', **headers,
        },
        "properties": {"correlation_id": identity, "reply_to": "x", "delivery_info": info, **tag},
    }  # fmt: skip
    redis.Redis(port=port, db=db).lpush(queue, json.dumps(envelope))
    return identity


def parked(port: int) -> List[Any]:
    client = redis.Redis(port=port)
    envelopes = [json.loads(text) for text in client.lrange("celery.parked", 0, -1)]
    client.delete("celery.parked")
    return [(each["headers"].get("id"), base64.b64decode(each["body"]).decode()) for each in envelopes]


UNKNOWN = (
    '[[{"__type__":"shop.Unknown","__value__":{}}],{},{"callbacks":null,"errbacks":null,"chain":null,"chord":null}]'
)


def test_a_message_of_typescript(app: Any, worker: Any, port: int) -> None:
    body = (
        '[[{"a":1},{"__type__":"same","__value__":"/0/0"}],{"named":{"__type__":"same","__value__":"/0/0"}},'
        '{"callbacks":null,"errbacks":null,"chain":null,"chord":null}]'
    )
    assert app.AsyncResult(push(port, "tests.same", body)).get(timeout=15) == [True, True]


def test_what_cannot_be_decoded_fails_and_is_kept(app: Any, worker: Any, port: int) -> None:
    parked(port)
    identity = push(port, "tests.echo", UNKNOWN)
    with pytest.raises(Exception, match="shop.Unknown"):
        app.AsyncResult(identity).get(timeout=15)
    assert app.AsyncResult(identity).state == "FAILURE"
    assert parked(port) == [(identity, UNKNOWN)]


def test_tasks_of_celerys_own_that_cannot_be_decoded_fail_and_are_kept(app: Any, worker: Any, port: int) -> None:
    parked(port)
    task = app.tasks["tests.echo"]
    assert task.map([{1}, Decimal(2)]).delay().get(timeout=15) == [{1}, Decimal(2)]
    assert task.chunks([({1},), (2,)], 1).delay().get(timeout=15) == [[{1}], [2]]
    unknown = '{"__type__":"shop.Unknown","__value__":{}}'
    signature = '{"task":"tests.echo","args":[],"kwargs":{},"options":{},"subtask_type":null,"immutable":false}'
    bodies = {
        name: f'[[],{{"task":{signature},{more}}},{json.dumps(NO_EMBED)}]'
        for name, more in [
            ("celery.map", f'"it":[{unknown}]'),
            ("celery.starmap", f'"it":[[{unknown}]]'),
            ("celery.chunks", f'"it":[[{unknown}]],"n":1'),
        ]
    }
    bodies["celery.chord"] = f'[[],{{"header":[{unknown}],"body":{signature}}},{json.dumps(NO_EMBED)}]'
    for name, body in bodies.items():
        identity = push(port, name, body)
        with pytest.raises(DecodeError, match="shop.Unknown"):
            app.AsyncResult(identity).get(timeout=15)
        assert parked(port) == [(identity, body)], name


def test_what_is_no_json_fails_and_is_kept(app: Any, worker: Any, port: int) -> None:
    parked(port)
    for body in ("{", '[[{"__type__":', "[" * 30_000):
        identity = push(port, "tests.echo", body)
        with pytest.raises(Exception, match="expected|over the limit"):
            app.AsyncResult(identity).get(timeout=15)
        assert parked(port) == [(identity, body)]
    other = push(port, "tests.echo", "x", content_type="application/x-other")
    with pytest.raises(Exception, match="untrusted|Refusing"):
        app.AsyncResult(other).get(timeout=15)
    assert parked(port) == [(other, "x")]
    assert echo(app, "still working") == "still working"


NO_EMBED = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
SOUND = json.dumps([[], {}, NO_EMBED])

#: What ends a worker of Celery's, as a body or as a header.
NO_TASKS: List[Any] = [
    *[(body, {}) for body in ("[[],{}]", "null", "5", '"abc"', '{"a":1}', '{"a":1,"b":2,"c":3}', "[]", "")],
    *[(body, {}) for body in ("[[],[],{}]", "[null,null,null]")],
    *[(body, {}) for body in ("[{},{},{}]", "[[],{},[1]]", "[[],{},5]", '[[],{},"x"]', "[[],{},{},1]", '{"args":5}')],
    *[(SOUND, {"content_type": kind}) for kind in (None, "", "text/plain", "application/data", 5, ["x"])],
    *[(SOUND, {"content_encoding": encoding}) for encoding in (5, [1])],
    *[(SOUND, {"id": identity}) for identity in (None, "", 5, ["x"], {})],
    *[(SOUND, {"task": task}) for task in (None, "", 5, ["x"])],
    *[(SOUND, {"timelimit": limit}) for limit in (5, "text", [1], ["a", "b"], [True, None], {"a": 1})],
    *[(SOUND, {"stamped_headers": stamped}) for stamped in (5, [[1]], ["a"])],
    *[(SOUND, {"retries": retries}) for retries in ("x", [], 1.5)],
    *[(SOUND, {"group": group}) for group in (5, ["x"])],
    *[
        (json.dumps([[], {}, {**NO_EMBED, name: value}]), {})
        for name in ("callbacks", "errbacks", "chain", "chord")
        for value in (5, [5], [[]], [{}], {}, [{"task": 5}], [{"task": "x", "args": 5}], [{"task": "x", "options": 5}])
    ],
    # Of the first protocol.
    ('{"task":"tests.echo","id":5,"args":[],"kwargs":{}}', {"headers": {}}),
    ('{"task":"tests.echo","args":[],"kwargs":{}}', {"headers": {}}),
    ('{"task":["x"],"id":"x","args":[],"kwargs":{}}', {"headers": {}}),
    ('{"task":"tests.echo","id":"x","args":5,"kwargs":{}}', {"headers": {}}),
    ("{}", {"headers": {}}),
    ('{"task":"tests.echo","id":"x","args":[' + "[" * 200 + "]" * 200 + '],"kwargs":{}}', {"headers": {}}),
]  # fmt: skip


def put(port: int, body: str, wrong: Any) -> str:
    """A message that is no task, put into a list by hand."""
    wrong = dict(wrong)
    identity = push(port, "tests.echo", body, "held")
    client = redis.Redis(port=port)
    envelope = json.loads(client.rpop("held") or "")
    envelope["properties"]["delivery_info"]["routing_key"] = "celery"
    for name in ("content_type", "content_encoding"):
        if name in wrong:
            envelope[name.replace("_", "-")] = wrong.pop(name)
    envelope["headers"] = wrong.pop("headers", {**envelope["headers"], **wrong})
    client.lpush("celery", json.dumps(envelope))
    return identity


def test_what_is_no_task_is_kept_and_ends_no_worker(app: Any, worker: Any, port: int) -> None:
    parked(port)
    sent = [(put(port, body, wrong), body, wrong) for body, wrong in NO_TASKS]
    assert echo(app, "still working") == "still working"
    kept = parked(port)
    assert [body for _, body in kept][::-1] == [body for _, body, _ in sent]
    meta = redis.Redis(port=port)
    for identity, body, wrong in sent:
        told = json.loads(meta.get(f"celery-task-meta-{identity}") or "null")
        has_id = "id" not in wrong and "headers" not in wrong
        assert (told["status"] if told else None) == ("FAILURE" if has_id else None), (body, wrong)


def test_what_is_odd_and_a_task_is_run(app: Any, worker: Any, port: int) -> None:
    for body, odd in [
        ("[[1],{},null]", {}),
        ("[[1],{},{}]", {}),
        ('{"args":[1]}', {}),
        ('[[1],{},{"errbacks":[],"callbacks":[],"chain":[],"chord":null}]', {}),
        ('[[1],{},{"callbacks":[{"task":"tests.echo","args":[],"kwargs":{},"options":{},"subtask_type":null}]}]', {}),
        ("[[1],{},null]", {"timelimit": [], "stamps": None, "stamped_headers": None, "retries": None, "group": None}),
        ("[[1],{},null]", {"timelimit": [30, 20.5], "stamps": {"a": 1}, "stamped_headers": ["a"], "group": "g"}),
    ]:
        assert app.AsyncResult(put(port, body, odd)).get(timeout=15) == 1, (body, odd)
    # Of the first protocol.
    old = {"task": "tests.echo", "id": str(uuid.uuid4()), "args": [[[1]]], "kwargs": {}}
    put(port, json.dumps(old), {"headers": {}})
    assert app.AsyncResult(old["id"]).get(timeout=15) == [[1]]


def test_whoever_waits_is_told_of_what_is_no_task(app: Any, worker: Any, port: int) -> None:
    client = redis.Redis(port=port)
    client.delete("saw")
    last = str(uuid.uuid4())
    chain: List[Any] = [{"task": "tests.echo", "args": [], "kwargs": {}, "options": {"task_id": last}}]
    errbacks = [{"task": "tests.saw", "args": [], "kwargs": {}, "options": {}}]
    body = json.dumps([[], {}, {**NO_EMBED, "chain": chain, "errbacks": errbacks}])
    identity = put(port, body, {"timelimit": "x"})
    with pytest.raises(DecodeError, match="timelimit"):
        app.AsyncResult(last).get(timeout=15)
    for _ in range(300):
        if client.get("saw"):
            break
        time.sleep(0.05)
    assert identity.encode() in (client.get("saw") or b"")
    # A chord of one part.
    around = {**chain[0], "options": {"task_id": str(uuid.uuid4())}}
    app.backend.set_chord_size("g1", 1)
    put(port, json.dumps([[], {}, {**NO_EMBED, "chord": around}]), {"group": "g1", "group_index": 0, "retries": "x"})
    with pytest.raises(ChordError, match="retries"):
        app.AsyncResult(around["options"]["task_id"]).get(timeout=15)
    parked(port)


def test_without_keeping_whoever_waits_is_told() -> None:
    app = celery.Celery("dropped", broker="memory://", backend="cache+memory://", set_as_current=False)
    before = petiole.celery.serializer.settings()
    petiole.celery.setup(app, park=False)
    try:
        arrived = Message(b"{", content_type="application/json", headers={"id": "dropped"})
        assert petiole.celery.parking.settle(app, arrived, ValueError("no JSON"))
        assert app.AsyncResult("dropped").state == "FAILURE"
        with app.connection() as connection:
            assert connection.default_channel.basic_get("celery.parked") is None
    finally:
        petiole.celery.serializer.configure(before)


def test_what_is_kept_is_as_it_came() -> None:
    app = celery.Celery("kept", broker="memory://", backend="cache+memory://", set_as_current=False)
    text = SOUND.encode()
    short, name = compress(text, "zlib")
    for body, compression in ((short, name), (b"no zlib", name), (text, "x/y"), (text, 5), (text, None)):
        headers = {"id": "x", "compression": compression}
        arrived = Message(body, content_type="application/json", content_encoding="utf-8", headers=headers)
        petiole.celery.parking.keep(app, arrived, "kept")
        with app.connection() as connection:
            kept = connection.default_channel.basic_get("kept.parked")
            raw = connection.default_channel.decode_body(kept._raw["body"], "base64")
            assert (raw, kept.headers) == (body, headers)
            kept.ack()


def test_the_queue_that_a_message_came_from(app: Any) -> None:
    from kombu import Exchange, Queue

    from petiole.celery.parking import queue_of

    other = celery.Celery("queues", set_as_current=False)
    other.conf.task_queues = [
        Queue("mail", Exchange("out"), routing_key="letters.#"),
        Queue("news", Exchange("all", type="fanout")),
        Queue("celery"),
    ]
    for info, name in [
        ({"exchange": "all", "routing_key": ""}, "news"),
        ({"exchange": "all", "routing_key": "any"}, "news"),
        ({"exchange": "other", "routing_key": ""}, "celery"),
        ({"exchange": None, "routing_key": None}, "celery"),
        ({"exchange": "out", "routing_key": "letters.#"}, "mail"),
        ({"exchange": "", "routing_key": "celery"}, "celery"),
        ({"exchange": "topic", "routing_key": "x.y"}, "x.y"),
        ({"exchange": "", "routing_key": "celery.parked"}, "celery"),
        ({}, "celery"),
    ]:
        assert queue_of(other, info) == name


def test_a_message_without_a_routing_key_is_kept(monkeypatch: Any) -> None:
    from kombu import Exchange, Queue
    one = celery.Celery("one", broker="memory://", backend="cache+memory://", set_as_current=False)
    one.conf.task_queues = [Queue("only", Exchange("all", type="fanout"))]
    kept: List[str] = []
    monkeypatch.setattr(petiole.celery.parking, "_publish", lambda app, queue, *_, **__: kept.append(queue))
    for info in ({"exchange": "all", "routing_key": ""}, {"exchange": "", "routing_key": ""}, {}):
        raw = Message(b"{", content_type="application/json", delivery_info=info, headers={"id": "x"})
        assert petiole.celery.parking.settle(one, raw, ValueError("no JSON"))
    assert kept == ["only"] * 3
    # To the workers' own mailboxes, nobody sends tasks.
    raw = Message(b"{", delivery_info={"exchange": "celery.pidbox", "routing_key": ""})
    assert petiole.celery.parking.settle(one, raw, ValueError("no JSON"))
    assert len(kept) == 3


def test_kept_messages_can_be_sent_again(app: Any, worker: Any, port: int) -> None:
    body = UNKNOWN.replace("shop.Unknown", "shop.Late")
    identity = push(port, "tests.kinds", body)
    with pytest.raises(Exception, match="shop.Late"):
        app.AsyncResult(identity).get(timeout=15)
    from petiole.wire import ValueType, registry

    class Late:
        pass

    registry.add(ValueType(Late, "shop.Late", lambda late: {}, lambda fields: Late()))
    client = redis.Redis(port=port)
    client.delete(f"celery-task-meta-{identity}")
    assert client.rpoplpush("celery.parked", "celery")
    # Read from Redis itself: what was published of the failure may reach a client late.
    for _ in range(200):
        meta = json.loads(client.get(f"celery-task-meta-{identity}") or "{}")
        if meta.get("status") == "SUCCESS":
            break
        time.sleep(0.05)
    assert meta["result"] == ["Late"]


def test_what_cannot_travel_is_refused_when_it_is_sent(app: Any) -> None:
    with pytest.raises(kombu.serialization.EncodeError, match=r"args\[0\]\[0\]\.done"):
        app.tasks["tests.echo"].delay({"done": lambda: None})
    with pytest.raises(kombu.serialization.EncodeError, match="not registered"):
        app.tasks["tests.echo"].delay(object())


class Place:
    def __init__(self, x: Any) -> None:
        self.x = x


class Written:
    def __json__(self) -> Any:
        return {"written": [1]}


class Stubborn:
    def __json__(self) -> Any:
        return self


class Endless:
    def __json__(self) -> Any:
        return Endless()


def test_what_stands_for_something_comes_to_an_end() -> None:
    embed = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    with pytest.raises(petiole.errors.EncodeError, match="what is to stand for it is itself"):
        petiole.celery.dumps(([Stubborn()], {}, embed))
    with pytest.raises(petiole.errors.LimitError):
        petiole.celery.dumps(([Endless()], {}, embed))


def test_keys_that_become_text_keep_what_is_shared() -> None:
    embed = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    years: Dict[Any, Any] = {2026: [1]}
    years[2027] = years
    (one, other), *_ = petiole.celery.loads(petiole.celery.dumps(([years, years], {}, embed)))
    assert one is other is one["2027"]


def test_what_kombu_reads_stays(app: Any, worker: Any) -> None:
    kombu_json.register_type(Place, "geo.Place", lambda place: {"x": place.x}, lambda fields: Place(**fields))
    try:
        back = echo(app, [Place(date(2026, 1, 2)), Written()])
        assert (type(back[0]), back[0].x) == (Place, date(2026, 1, 2)) and back[1] == {"written": [1]}
    finally:
        del kombu_json._encoders[Place], kombu_json._decoders["geo.Place"]


def test_what_a_user_registered_comes_before_what_is_known_here() -> None:
    embed = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    kombu_json.register_type(set, "set", sorted, lambda items: ("mine", *items))
    kombu_json.register_type(Place, None, lambda place: {"plain": place.x})
    try:
        text = petiole.celery.dumps(([{2, 1}, Place(5)], {}, embed))
        assert text.startswith('[[{"__type__":"set","__value__":[1,2]},{"plain":5}],{},')
        assert next(iter(petiole.celery.loads(text)))[0] == ("mine", 1, 2)
    finally:
        del kombu_json._encoders[set], kombu_json._decoders["set"], kombu_json._encoders[Place]


@pytest.mark.parametrize("acks_late", [True, False])
def test_a_message_that_cannot_be_kept(monkeypatch: Any, caplog: Any, acks_late: bool) -> None:
    app = celery.Celery("unkept", broker="memory://", backend="cache+memory://", set_as_current=False)
    petiole.celery.setup(app)

    # Celery gives the tasks of one app to all others: each needs its own name.
    name = f"unkept.{acks_late}"

    @app.task(name=name, acks_late=acks_late)
    def task(value: Any) -> Any:
        return value

    app.finalize()

    def fails(*_: Any, **__: Any) -> None:
        raise ConnectionError("no broker")

    monkeypatch.setattr(petiole.celery.parking, "_publish", fails)
    tracer = celery.app.trace.build_tracer(name, app.tasks[name], app=app)
    args, kwargs, embed = petiole.celery.loads(UNKNOWN)
    request = {"id": name, "delivery_info": {"routing_key": "celery"}, "retries": 0, **embed}
    outcome = tracer(name, args, kwargs, request)
    if acks_late:
        assert outcome.info.state == "REJECTED"
    else:
        assert UNKNOWN in caplog.text
        assert app.AsyncResult(name).state == "FAILURE"


@pytest.mark.parametrize("serializer", ["pickle", "json"])
@pytest.mark.parametrize("protocol", [1, 2])
def test_what_celery_sends_is_a_task(serializer: str, protocol: int) -> None:
    app = celery.Celery(f"all{protocol}", broker="memory://", backend="cache+memory://", set_as_current=False)
    app.conf.update(task_protocol=protocol, accept_content=["json", "pickle"], task_default_queue="all")

    @app.task(name="all.any")
    def task(*_: Any, **__: Any) -> None: ...

    sig = task.s(1, a=2)
    for sent in (sig, sig | sig, task.map([1]), celery.group(sig, sig, app=app), celery.chord([sig, sig], sig, app=app)):
        sent = sent.clone().set(serializer=serializer)
        sent.stamp(tenant="a")
        # A group has none.
        is_group = isinstance(sent, (celery.group, celery.canvas._chord))
        links = {} if is_group else {"link": sig, "link_error": [sig, sig | sig]}
        sent.apply_async(**links, countdown=1, time_limit=5, shadow="other")
    task.apply_async(serializer=serializer, stamped_headers=["of"], of="b", retries=2, expires=5, priority=3)
    task.apply_async(serializer=serializer, group_id="g", group_index=0, chord=sig, compression="zlib")
    count = 0
    with app.connection() as connection:
        channel = connection.default_channel
        while (message := channel.basic_get("all")) is not None:
            message.accept = None
            petiole.celery.receiving.check(message)
            message.ack()
            count += 1
    assert count >= 9


def test_what_is_decoded_where_a_message_is_received_is_not_pickled() -> None:
    deep = "[" * 3_000 + "]" * 3_000
    for text in (f"[[{deep}],{{\"a\":{deep}}},{json.dumps(NO_EMBED)}]", f"[[{deep}],{{\"a\":{deep}}},null]"):
        arrived = Message(text.encode(), content_type="application/json", content_encoding="utf-8", headers={})
        arrived.headers = {"id": "x", "task": "x"}
        petiole.celery.receiving.check(arrived)
        # As Celery's worker does.
        assert "args" not in arrived.payload
        args, kwargs, _ = arrived.payload
        assert len(args) == 1 and len(kwargs) == 1
        assert pickle.loads(pickle.dumps({"args": args, "kwargs": kwargs})) == {"args": [], "kwargs": {}}
        assert type(list(petiole.celery.loads(text))[0]) is list


def test_a_header_of_anybodys_is_none_of_ours() -> None:
    from petiole.celery.serializer import headers_of

    levels = [
        text for n in (200, 5_000, 500_000) for text in ('{"a":' * n + "1" + "}" * n, '{"a":' + "[" * n + "]" * n + "}")
    ]
    for text in (*levels, "{", "[]", "5", "null", "", 5, None, b"{}", [], {}, '{"a":' + "9" * 400 + "}"):
        assert headers_of(text) == {}
        headers = {"petiole": text}
        petiole.celery.serializer.mark(headers, ["shop.Money"])
        assert json.loads(headers["petiole"])["types"] == ["shop.Money"]
    assert headers_of('{"own":{"a":[[1]]}}') == {"own": {"a": [[1]]}}


def test_what_is_sent_again_undecoded_keeps_its_types() -> None:
    app = celery.Celery("again", broker="memory://", backend="cache+memory://", set_as_current=False)
    petiole.celery.setup(app)
    undecoded = list(petiole.celery.loads(UNKNOWN))[0][0]
    for header, types in [
        ('{"types":["shop.Unknown","shop.Other@2"],"own":{"a":1}}', ["shop.Unknown", "shop.Other@2"]),
        ('{"types":5}', None),
        ('{"types":[5]}', None),
    ]:
        app.send_task("any", (undecoded,), headers={"petiole": header})
        app.send_task("any", (1,), headers={"petiole": header})
        with app.connection() as connection:
            queue = connection.SimpleQueue("celery")
            again, other = (queue.get(block=False) for _ in range(2))
        said = json.loads(again.headers["petiole"])
        assert (said.get("types"), said["wire"]) == (types, 1) and json.loads(again.body) == json.loads(UNKNOWN)
        assert "types" not in json.loads(other.headers["petiole"])


class Color(str, Enum):
    RED = "red"


CASES = [
    [1, 2.5, "a", None, True, 5.0, 1e17, 2**64, float("inf"), -0.0],
    {"a": datetime(2026, 1, 2, 3, 4, 5, 678), "b": date(2026, 1, 2), "c": Decimal("NaN"), "d": uuid.UUID(int=3)},
    [b"text", b"\xff", (1, 2), {1: 2, None: 3, False: 4, 1.5: 5, float("nan"): 6, float("-inf"): 7, Color.RED: 8}],
    [datetime.now(timezone.utc).time(), {"__type__": "x"}, {"a": {"__value__": 2}}],
]


@pytest.mark.parametrize("value", CASES)
def test_bodies_that_plain_kombu_wrote_are_read_as_it_reads_them(value: Any) -> None:
    embed = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    text = kombu_json.dumps(([value], {"k": value}, embed))
    ours, kombus = petiole.celery.loads(text), kombu_json.loads(text)
    assert repr(list(ours)) == repr(kombus)


@pytest.mark.parametrize("value", CASES)
def test_what_plain_kombu_knows_it_reads_from_us(value: Any) -> None:
    embed = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    ours = kombu_json.loads(petiole.celery.dumps(([value], {}, embed)))
    assert repr(ours) == repr(kombu_json.loads(kombu_json.dumps(([value], {}, embed))))


def test_the_portable_dialect(port: int) -> None:
    app = celery.Celery("portable", broker=f"redis://127.0.0.1:{port}/1", set_as_current=False)
    before = petiole.celery.serializer.settings()
    petiole.celery.setup(app, dialect="portable", understands=["shop.Money"])
    try:
        embed = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
        shared = [Decimal(1)]
        assert kombu_json.loads(petiole.celery.dumps(([shared, shared], {}, embed)))[0] == [shared, shared]
        money = wire_classes.Money(amount=5, currency="EUR")
        assert '"shop.Money"' in petiole.celery.dumps(([money], {}, embed))
        for value in ({1}, undefined, Map(), {"__type__": 1, "__value__": 1}, Ref("a.B", 1)):
            with pytest.raises(petiole.errors.EncodeError):
                petiole.celery.dumps(([value], {}, embed))
    finally:
        petiole.celery.serializer.configure(before)


def test_other_messages_are_kombus() -> None:
    shared: List[Any] = [1]
    assert petiole.celery.dumps({"method": "ping", "a": shared, "b": shared}) == (
        '{"method": "ping", "a": [1], "b": [1]}'
    )

"""Django's rows in Celery's messages."""

from __future__ import annotations

import datetime
import json
import time
import uuid
from typing import Any, Iterator, List

import celery
import django
import pytest
from django.conf import settings

settings.configure(
    DATABASES={
        "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"},
        "archive": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"},
    },
    INSTALLED_APPS=["qa"],
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
)
django.setup()

from django.db import connections, models, transaction  # noqa: E402
from django.db.utils import OperationalError  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from qa.models import Author, Comment, Token  # noqa: E402

import petiole.celery  # noqa: E402
import petiole.django  # noqa: E402
from petiole import Lazy, ModelError, Ref, RowMissing, Snapshot  # noqa: E402
from petiole.celery.serializer import Settings, Undecoded, configure, dumps, loads  # noqa: E402
from petiole.celery.serializer import settings as petiole_settings  # noqa: E402
from petiole.wire import View  # noqa: E402

EMBED = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}


@pytest.fixture(autouse=True)
def tables() -> Iterator[None]:
    for alias in connections:
        with connections[alias].schema_editor() as editor:
            for model in (Author, Comment, Token):
                editor.create_model(model)
    before = petiole_settings()
    use()
    yield
    configure(before)
    for alias in connections:
        with connections[alias].schema_editor() as editor:
            for model in (Token, Comment, Author):
                editor.delete_model(model)


def use(**options: Any) -> None:
    configure(Settings(rows=petiole.django.rows(**options)))


def send(*args: Any, **kwargs: Any) -> str:
    return dumps((args, kwargs, EMBED))


def receive(text: str) -> Any:
    args, kwargs, _ = loads(text)
    if args and type(args[0]) is Undecoded:
        raise args[0].error
    return args, kwargs


def test_a_row_travels_as_a_reference_and_arrives_as_it_is_then() -> None:
    comment = Comment.objects.create(body="first")
    text = send(comment, by_name={"c": [comment]})
    assert '{"model":"qa.Comment","pk":1}' in text and "first" not in text
    Comment.objects.update(body="edited")
    (arrived,), kwargs = receive(text)
    assert arrived.body == "edited" and kwargs["by_name"]["c"][0] is arrived


def test_one_query_for_each_model() -> None:
    author = Author.objects.create(name="a")
    comments = [Comment.objects.create(body=str(at), author=author) for at in range(20)]
    text = send(comments, author, {"more": [comments[3], {"lazy": 1}]}, last=comments[-1])
    with CaptureQueriesContext(connections["default"]) as queries:
        args, kwargs = receive(text)
    assert len(queries) == 2
    assert [each.body for each in args[0]] == [str(at) for at in range(20)]
    assert args[2]["more"][0] is args[0][3] and kwargs["last"] is args[0][-1] and args[1].name == "a"


def test_no_query_before_it_is_unpacked_or_without_rows() -> None:
    comment = Comment.objects.create(body="x")
    with CaptureQueriesContext(connections["default"]) as queries:
        body = loads(send(comment))
        assert "args" not in body
        receive(send({"plain": {1}}))
        receive(send(Lazy(Ref("qa.Comment", 1))))
    assert len(queries) == 0


def test_lazy_references_are_loaded_when_asked() -> None:
    comment = Comment.objects.create(body="x")
    (lazy, gone, row), _ = receive(send(Lazy(Ref("qa.Comment", 1)), Lazy(Ref("qa.Comment", 9)), comment))
    assert lazy.load() is row is lazy.load()
    with pytest.raises(RowMissing):
        gone.load()


def test_rows_that_were_not_saved_are_refused_with_their_place() -> None:
    for row in (Comment(body="x"), Comment(pk=7), Token()):
        with pytest.raises(petiole.EncodeError, match=r"args\[0\]\[0\]\.rows\[1\].*has no row yet"):
            send({"rows": [1, row]})
    with pytest.raises(petiole.EncodeError, match="QuerySet"):
        send(Comment.objects.all())


@pytest.mark.parametrize("pk", [99, "abc", 2**80, "x" * 500, {"a": 1}, 1.5, "\x00"])
def test_missing_rows(pk: Any) -> None:
    Comment.objects.create(body="x")
    with pytest.raises(RowMissing) as missing:
        receive(send(Ref("qa.Comment", pk)))
    assert missing.value.fate == "fail"
    assert receive(send(Ref("qa.Comment", pk, if_missing="null"), 5))[0] == [None, 5]
    for fate in ("skip", "wait"):
        with pytest.raises(RowMissing) as missing:
            receive(send(Ref("qa.Comment", pk, if_missing=fate)))
        assert missing.value.fate == fate


def test_what_fails_comes_before_what_waits_and_skips() -> None:
    references = [Ref("qa.Comment", 1, if_missing=fate) for fate in ("skip", "wait", "fail")]
    for several, fate in ((references, "fail"), (references[:2], "wait")):
        with pytest.raises(RowMissing) as missing:
            receive(send(several))
        assert missing.value.fate == fate


def test_models_that_are_unknown() -> None:
    for name in ("qa.Nothing", "nothing", "other.Model", ""):
        with pytest.raises(ModelError):
            receive(send(Ref(name, 1)))
    with pytest.raises(ModelError, match="no database"):
        receive(send(Ref("qa.Comment", 1, connection="nowhere")))
    for path in ("nothing", "author.nothing", "body", "author.comments.author.comments.author"):
        with pytest.raises(ModelError):
            receive(send(Ref("qa.Comment", 1, with_=[path])))


def test_names_relations_and_hidden_rows() -> None:
    use(names={"shop.Note": "qa.Comment", "shop.Writer": Author})
    author = Author.objects.create(name="a")
    comment = Comment.objects.create(body="x", author=author, hidden=True)
    assert '"model":"shop.Note"' in send(comment) and '"model":"shop.Writer"' in send(author)
    with pytest.raises(RowMissing):
        receive(send(comment))
    (arrived,), _ = receive(send(Ref("shop.Note", 1, scope="all", with_=["author.comments"])))
    with CaptureQueriesContext(connections["default"]) as queries:
        assert arrived.author.name == "a"
    assert len(queries) == 0


def test_several_databases() -> None:
    Comment.objects.create(body="default")
    archived = Comment.objects.using("archive").create(body="archived")
    assert '"connection":"archive"' in send(archived)
    (one, other), _ = receive(send(archived, Ref("qa.Comment", 1)))
    assert (one.body, other.body) == ("archived", "default")
    use(aliases={"old": "archive"}, replica="archive")
    assert '"connection":"old"' in send(archived)
    (one, replica), _ = receive(send(archived, Ref("qa.Comment", 1, from_="replica")))
    assert (one.body, replica.body) == ("archived", "archived")


def test_rows_that_have_changed() -> None:
    use(versions={"qa.Comment": "version"})
    comment = Comment.objects.create(body="x")
    text = send(petiole.django.ref(comment, if_changed="skip"))
    assert '"version":"1"' in text
    assert receive(text)[0][0].body == "x"
    Comment.objects.update(version=2)
    with pytest.raises(petiole.RowChanged) as changed:
        receive(text)
    assert changed.value.fate == "skip"
    use()
    digest = send(petiole.django.ref(Comment.objects.get(), if_changed="fail"))
    receive(digest)
    Comment.objects.update(body="y")
    with pytest.raises(petiole.RowChanged):
        receive(digest)
    with pytest.raises(ModelError, match="versions"):
        receive(text)
    foreign = Ref("qa.Comment", 1, if_changed="skip", digest={"fields": ["body"], "sha256": "x"})
    with pytest.raises(ModelError, match="only its maker"):
        receive(send(foreign))


def test_a_database_out_of_reach_is_no_missing_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> Any:
        raise OperationalError("no connection")

    monkeypatch.setattr(models.QuerySet, "in_bulk", fails)
    with pytest.raises(petiole.errors.DatabaseUnreachable) as error:
        receive(send(Ref("qa.Comment", 1, if_missing="skip")))
    assert error.value.fate == "wait"


def test_snapshots() -> None:
    at = datetime.datetime(2026, 1, 2, 3, 4, 5, 678901, datetime.timezone.utc)
    author = Author.objects.create(name="a")
    comment = Comment.objects.create(body="was", author=author, at=at, price="1.10", data={"a": [1]}, raw=b"\xff")
    comment = Comment.objects.get()
    text = send(petiole.django.snapshot(comment))
    Comment.objects.update(body="is", version=5)
    (arrived,), _ = receive(text)
    assert isinstance(arrived, Snapshot) and arrived.fields["at"] == at and arrived.fields["author"] == author.pk
    made = arrived.object()
    assert (made.body, made.pk, made.author_id, made.data, bytes(made.raw)) == ("was", 1, 1, {"a": [1]}, b"\xff")
    arrived.save()
    assert Comment.objects.get().body == "was" and Comment.objects.get().version == 1
    Comment.objects.all().delete()
    assert arrived.save().pk == 1
    part = Snapshot("qa.Comment", 1, {"body": "part"}, petiole.django.rows())
    assert (part.save().body, Comment.objects.get().price == comment.price) == ("part", True)


def test_bytes_of_a_class_of_javascripts_fit_into_a_column() -> None:
    (arrived,), _ = receive(send(Snapshot("qa.Comment", 1, {"body": "x", "raw": View("Buffer", b"\x00\xff")})))
    assert arrived.object().raw == b"\x00\xff"
    assert bytes(arrived.save().raw) == b"\x00\xff"


def test_snapshots_that_do_not_fit() -> None:
    for fields, pk in [({"nothing": 1}, 1), ({"id": 2}, 1), ({"version": "x"}, 1), ({"body": "x"}, "abc")]:
        (arrived,), _ = receive(send(Snapshot("qa.Comment", pk, fields)))
        with pytest.raises(ModelError):
            arrived.object()
    use(fields={"qa.Comment": {"authorId": "author"}})
    (arrived,), _ = receive(send(Snapshot("qa.Comment", 1, {"authorId": 3})))
    assert arrived.object().author_id == 3


def test_keys_that_are_uuids() -> None:
    token = Token.objects.create()
    assert f'"pk":"{token.pk}"' in send(token)
    assert receive(send(token))[0][0] == token


class Sent:
    def __init__(self) -> None:
        self.calls: List[Any] = []

    def apply_async(self, args: Any, kwargs: Any, **options: Any) -> None:
        self.calls.append((args, kwargs, options))


def test_send_on_commit() -> None:
    task = Sent()
    with transaction.atomic():
        comment = Comment.objects.create(body="x")
        identity = petiole.django.send_on_commit(task, comment, named=1, options={"queue": "mail"})
        assert task.calls == [] and uuid.UUID(identity)
    assert task.calls == [((comment,), {"named": 1}, {"task_id": identity, "queue": "mail"})]
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        petiole.django.send_on_commit(task, comment)
        raise ZeroDivisionError
    assert len(task.calls) == 1
    with pytest.raises(petiole.EncodeError):
        petiole.django.send_on_commit(task, object())


class Pickled:
    pass


def test_what_is_sent_on_commit_is_checked_by_its_own_serializer() -> None:
    app = celery.Celery("pickled", broker="memory://", set_as_current=False)
    app.conf.task_default_queue = "pickled"
    petiole.celery.setup(app)

    @app.task(name="pickled.all", serializer="pickle")
    def pickled(*_: Any) -> None: ...

    @app.task(name="pickled.none")
    def plain(*_: Any) -> None: ...

    send_on_commit = petiole.django.send_on_commit
    sent = [
        send_on_commit(pickled, Pickled()),
        send_on_commit(plain, Pickled(), options={"serializer": "pickle"}),
        send_on_commit(plain.s().set(serializer="pickle"), Pickled()),
        send_on_commit(pickled.s(), Pickled()),
        send_on_commit(pickled, {1}, options={"serializer": "json"}),
    ]
    with app.connection() as connection:
        queue = connection.SimpleQueue("pickled")
        messages = [queue.get(block=False) for _ in sent]
    assert [message.headers["id"] for message in messages] == sent
    kinds = [message.content_type for message in messages]
    assert kinds == ["application/x-python-serialize"] * 4 + ["application/json"]
    for task, value, options in [
        (plain, Pickled(), {}),
        (plain.s(), Pickled(), {}),
        (pickled, Pickled(), {"serializer": "json"}),
        (pickled.s().set(serializer="json"), Pickled(), {}),
        (pickled, lambda: None, {}),
    ]:
        with pytest.raises(Exception, match="registered|pickle|travel|local object"):
            send_on_commit(task, value, options=options)
    elsewhere = app.signature("only.elsewhere")
    assert send_on_commit(elsewhere, {1})
    with pytest.raises(petiole.EncodeError):
        send_on_commit(elsewhere, Pickled())
    assert send_on_commit(elsewhere, Pickled(), options={"serializer": "pickle"})


def test_send_on_commit_waits_for_the_database_of_the_rows() -> None:
    task = Sent()
    with transaction.atomic(using="archive"):
        archived = Comment.objects.using("archive").create(body="x")
        with transaction.atomic():
            petiole.django.send_on_commit(task, {"row": [archived]})
        assert task.calls == []
    assert len(task.calls) == 1
    other = Comment.objects.create(body="y")
    with pytest.raises(ModelError, match="several databases"):
        petiole.django.send_on_commit(task, archived, other)


def test_a_task_with_rows_end_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    app = celery.Celery("rows", broker="memory://", backend="cache+memory://", set_as_current=False)
    petiole.celery.setup(app, rows=petiole.django.rows())
    seen: List[Any] = []

    @app.task(name="rows.read")
    def read(comment: Any) -> Any:
        seen.append(comment)
        return comment.body

    app.finalize()
    comment = Comment.objects.create(body="x")
    from celery.app.trace import build_tracer

    tracer = build_tracer("rows.read", app.tasks["rows.read"], app=app)

    def run(reference: Any) -> Any:
        args, kwargs, embed = loads(send(reference))
        identity = str(uuid.uuid4())
        tracer(identity, args, kwargs, {"id": identity, "delivery_info": {}, "retries": 0, **embed})
        return app.AsyncResult(identity)

    assert run(comment).result == "x" and seen == [comment]
    skipped = run(Ref("qa.Comment", 99, if_missing="skip"))
    assert skipped.state == "REVOKED" and "is gone" in str(skipped.result) and len(seen) == 1
    failed = run(Ref("qa.Comment", 99))
    assert failed.state == "FAILURE" and type(failed.result) is RowMissing and len(seen) == 1
    waiting = run(Ref("qa.Comment", 99, if_missing="wait"))
    assert waiting.state == "RETRY" and len(seen) == 1
    with app.connection() as connection:
        message = connection.SimpleQueue("celery").get(block=False)
        assert json.loads(message.body)[0][0]["__value__"]["pk"] == 99
        assert message.headers["retries"] == 0 and message.headers["eta"]
        said = json.loads(message.headers["petiole"])
        assert said["deferrals"] == 1 and abs(said["deferredAt"] / 1000 - time.time()) < 30
        assert abs(said["missingSince"] / 1000 - time.time()) < 30
    # It is found once it is there, and given up after a while.
    args, kwargs, embed = loads(message.body)
    identity = str(uuid.uuid4())
    late = {"id": identity, "delivery_info": {}, "retries": 0, "petiole": '{"deferrals":9,"missingSince":5}', **embed}
    tracer(identity, args, kwargs, late)
    assert type(app.AsyncResult(identity).result) is RowMissing
    Comment.objects.create(pk=99, body="late")
    args, kwargs, embed = loads(message.body)
    tracer(identity, args, kwargs, {**late, "id": identity})
    assert app.AsyncResult(identity).result == "late"


def waiting_app(name: str, **options: Any) -> Any:
    app = celery.Celery(name, broker="memory://", backend="cache+memory://", set_as_current=False)
    petiole.celery.setup(app, rows=petiole.django.rows())

    @app.task(name=f"{name}.read", **options)
    def read(comment: Any) -> Any:
        return comment.body

    app.finalize()
    return app, app.tasks[read.name]


def run_task(app: Any, task: Any, text: str, **headers: Any) -> Any:
    from celery.app.trace import build_tracer

    args, kwargs, embed = loads(text)
    identity = str(uuid.uuid4())
    request = {"id": identity, "task": task.name, "delivery_info": {"routing_key": "celery"}, "retries": 0, **headers}
    outcome = build_tracer(task.name, task, app=app)(identity, args, kwargs, {**request, **embed})
    return app.AsyncResult(identity), outcome


@pytest.mark.parametrize("acks_late", [True, False])
@pytest.mark.parametrize("is_missing", [True, False])
def test_a_task_that_waits_and_that_the_broker_does_not_take(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, acks_late: bool, is_missing: bool
) -> None:
    app, task = waiting_app(f"refused{acks_late}{is_missing}", acks_late=acks_late)

    def fails(*_: Any, **__: Any) -> Any:
        raise OperationalError("no connection")

    if not is_missing:
        monkeypatch.setattr(models.QuerySet, "in_bulk", fails)
    monkeypatch.setattr(app, "send_task", fails)
    text = send(Ref("qa.Comment", 99, if_missing="wait"))
    result, outcome = run_task(app, task, text)
    if acks_late:
        assert outcome.info.state == "REJECTED" and outcome.info.retval.requeue is True
    else:
        assert result.state == "FAILURE" and text in caplog.text
        assert type(result.result) is (RowMissing if is_missing else petiole.errors.DatabaseUnreachable)


def test_an_outage_is_no_part_of_the_time_that_a_missing_row_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    app, task = waiting_app("outage")
    text = send(Ref("qa.Comment", 99, if_missing="wait"))
    sent: List[Any] = []
    monkeypatch.setattr(app, "send_task", lambda *_, headers, **__: sent.append(json.loads(headers["petiole"])))
    hour = 3_600_000
    now = int(time.time() * 1000)

    def state_of(**said: Any) -> Any:
        return run_task(app, task, text, petiole=json.dumps(said))[0].state

    # It was an outage until now.
    assert state_of(deferrals=9, deferredAt=now - hour) == "RETRY"
    assert abs(sent[-1]["missingSince"] - now) < 30_000 and sent[-1]["deferredAt"] == now - hour
    # It was missing for 50 seconds, before an outage.
    assert state_of(deferrals=9, deferredAt=now - hour, missingFor=50_000) == "RETRY"
    assert abs(sent[-1]["missingSince"] - now + 50_000) < 30_000
    assert state_of(deferrals=9, deferredAt=now - hour, missingFor=61_000) == "FAILURE"
    assert state_of(missingSince=now - 61_000) == "FAILURE"
    # What is nobody's number is none.
    for odd in ("x", None, True, 1.5, -(10**400), 10**400):
        assert state_of(deferrals=odd, deferredAt=odd, missingSince=odd, missingFor=odd) == "RETRY"

    def fails(*_: Any, **__: Any) -> Any:
        raise OperationalError("no connection")

    with monkeypatch.context() as outage:
        outage.setattr(models.QuerySet, "in_bulk", fails)
        assert state_of(missingSince=now - 50_000) == "RETRY"
    assert abs(sent[-1]["missingFor"] - 50_000) < 30_000 and "missingSince" not in sent[-1]


def test_rows_of_a_map_and_of_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    app = celery.Celery("maps", broker="memory://", backend="cache+memory://", set_as_current=False)
    petiole.celery.setup(app, rows=petiole.django.rows())
    seen: List[Any] = []

    @app.task(name="maps.read")
    def read(comment: Any) -> Any:
        seen.append(comment)
        return comment.body

    app.finalize()
    from celery.app.trace import build_tracer

    def run(signature: Any) -> Any:
        name = signature.task
        args, kwargs, embed = loads(send(*signature.args, **signature.kwargs))
        identity = str(uuid.uuid4())
        request = {"id": identity, "task": name, "delivery_info": {}, "retries": 0, **embed}
        build_tracer(name, app.tasks[name], app=app)(identity, args, kwargs, request)
        return app.AsyncResult(identity)

    comment = Comment.objects.create(body="x")
    chunk = read.chunks([(comment,)], 1).group().tasks[0]
    assert (run(read.map([comment])).result, run(chunk).result, seen) == (["x"], ["x"], [comment, comment])
    for fate, state in (("skip", "REVOKED"), ("wait", "RETRY"), ("fail", "FAILURE")):
        missing = Ref("qa.Comment", 99, if_missing=fate)
        assert run(read.map([comment, missing])).state == state
        assert run(read.chunks([(missing,)], 1).group().tasks[0]).state == state
    assert len(seen) == 2


def test_no_row_is_loaded_where_a_message_is_received() -> None:
    comment = Comment.objects.create(body="x")
    text = send(comment, lazy=Lazy(Ref("qa.Comment", 1)))
    with CaptureQueriesContext(connections["default"]) as queries:
        body = loads(text)
        # As Celery's worker does before it hands the text to who runs the task.
        assert "args" not in body
        args, kwargs, _ = body
        assert args == [Ref("qa.Comment", 1)] and isinstance(kwargs["lazy"], Lazy)
    assert len(queries) == 0
    assert receive(text)[0] == [comment]


def test_a_task_that_is_run_at_once_gets_rows() -> None:
    # Neither of them is asked for anything.
    nobody = "redis://127.0.0.1:1/0"
    app = celery.Celery("eager", broker=nobody, backend=nobody, set_as_current=False)
    app.conf.task_always_eager = True
    petiole.celery.setup(app, rows=petiole.django.rows())
    seen: List[Any] = []

    @app.task
    def read(*args: Any, **kwargs: Any) -> str:
        seen.append((args, kwargs))
        return "read"

    comment = Comment.objects.create(body="first")
    shared = {1}
    Comment.objects.update(body="edited")
    assert read.delay(comment, shared, by_name=shared).get() == "read"
    ((row, one), kwargs) = seen.pop()
    assert row == comment and row is not comment and row.body == "edited" and kwargs["by_name"] is one == {1}
    petiole.django.send_on_commit(read, comment)
    assert seen.pop()[0] == (comment,)

    assert read.delay(Ref("qa.Comment", 99, if_missing="null")).get() == "read" and seen.pop()[0] == (None,)
    for fate in ("fail", "wait"):
        with pytest.raises(RowMissing):
            read.delay(Ref("qa.Comment", 99, if_missing=fate)).get()
    assert read.delay(Ref("qa.Comment", 99, if_missing="skip")).state == "IGNORED"
    with pytest.raises(Exception, match=r"args\[0\].*has no row yet"):
        read.delay(Comment(body="x"))
    assert seen == []
    # What is published by others may look alike, and is what it was.
    assert json.loads(dumps(([1], {"a": 2}))) == [[1], {"a": 2}]
    assert loads(str(dumps(([comment], {})))) == [[Ref("qa.Comment", comment.pk)], {}]

"""A Celery app, as a Python site has one. `PETIOLE` in the environment: with the package of that name."""

import datetime
import decimal
import json
import os
import signal
import time
import uuid

import attrs
import cattrs
import pydantic
from celery import Celery
from celery.exceptions import Ignore, Reject

app = Celery("site", broker=os.environ["BROKER"], backend=os.environ["BACKEND"])
app.conf.update(
    task_default_queue="celery",
    task_routes={"ts.*": {"queue": "ts"}},
    broker_connection_retry_on_startup=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    worker_send_task_events=False,
    accept_content=os.environ.get("ACCEPT", "json").split(","),
    result_serializer=os.environ.get("RESULT_SERIALIZER", "json"),
    result_extended=os.environ.get("EXTENDED") == "1",
    broker_transport_options=json.loads(os.environ.get("TRANSPORT", '{"visibility_timeout": 3600}')),
)
# Settings of a test's own.
app.conf.update(json.loads(os.environ.get("CONF", "{}")))

if os.environ.get("PETIOLE"):
    import petiole.celery

    petiole.celery.setup(app)


class OutOfStock(Exception):
    def __init__(self, product, wanted):
        super().__init__(product, wanted)
        self.product = product
        self.wanted = wanted


class Shop:
    class Closed(Exception):
        """A class inside another."""


class NoPens(Exception):
    """Made of one message, as the errors of TypeScript are."""


class Stubborn(Exception):
    """One that nobody can pickle: it is made of other arguments than it keeps."""

    def __init__(self, product, wanted):
        super().__init__("no pens left")


@attrs.frozen
class Money:
    amount: int
    currency: str


class Order(pydantic.BaseModel):
    id: int
    at: datetime.datetime
    lines: list[str]


@app.task(name="tasks.add")
def add(x, y=0):
    return x + y


@app.task(name="tasks.echo")
def echo(value=None):
    return value


@app.task(name="tasks.inc")
def inc(value):
    return value + 1


@app.task(name="tasks.sum")
def sum_of(values):
    return sum(values)


@app.task(name="tasks.stamps", bind=True)
def stamps(self, *_):
    """The stamps that its message has."""
    return self.request.stamps


@app.task(name="tasks.describe")
def describe(**payload):
    """What arrived, in Python's words."""
    return {name: [type(value).__name__, repr(value)] for name, value in payload.items()}


@app.task(name="tasks.rich")
def rich():
    return {
        "exact": datetime.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=datetime.timezone.utc),
        "naive": datetime.datetime(2026, 1, 2, 3, 4, 5),
        "price": decimal.Decimal("1.10"),
        "key": uuid.UUID(int=7),
        "big": 2**100,
        "nan": float("nan"),
        "bytes": b"\x00\xff",
    }


@app.task(name="tasks.total")
def total(money):
    """Money as plain data, inflated: what a site does that has no package of ours."""
    return cattrs.structure(money, Money).amount


@app.task(name="tasks.order", pydantic=True)
def order(order: Order) -> Order:
    return order.model_copy(update={"lines": [*order.lines, type(order).__name__]})


@app.task(name="tasks.fail")
def fail(kind="value"):
    if kind == "stock":
        raise OutOfStock("pen", 3)
    if kind == "key":
        raise KeyError("missing")
    raise ValueError("bang", 42)


@app.task(name="tasks.retry", bind=True, max_retries=3)
def retry(self):
    if self.request.retries < 2:
        raise self.retry(countdown=0.1)
    return self.request.retries


@app.task(name="tasks.raise")
def raise_one(kind):
    """Exceptions that are hard to tell of."""
    if kind == "odd arguments":
        day = datetime.date(2026, 1, 2)
        raise ValueError(object, {1}, b"\xff", day, decimal.Decimal("1.10"), 2**100, float("nan"), "ä")
    if kind == "builtins.eval":
        raise type("eval", (Exception,), {"__module__": "builtins"})("1 + 1")
    if kind == "inner class":
        raise Shop.Closed("on Sundays")
    if kind == "no pickle":
        raise Stubborn("pen", 3)
    if kind == "reject":
        raise Reject("not today", requeue=False)
    if kind == "ignore":
        raise Ignore()
    try:
        raise KeyError("missing")
    except KeyError as error:
        raise RuntimeError() from error


@app.task(name="tasks.give_up", bind=True, max_retries=1)
def give_up(self):
    """It is tried again until it may not."""
    raise self.retry(countdown=0)


@app.task(name="tasks.lost", reject_on_worker_lost=False)
def lost():
    """Its process is gone, and it is not run again."""
    os.kill(os.getpid(), signal.SIGKILL)


@app.task(name="tasks.compressed", bind=True)
def compressed(self, value):
    """The value, and how the message was compressed."""
    return {"value": value, "compression": self.request.get("compression")}


@app.task(name="tasks.die")
def die(path):
    """Kills its own process the first time that it runs."""
    if not os.path.exists(path):
        with open(path, "w") as file:
            file.write("died")
        os.kill(os.getpid(), signal.SIGKILL)
    return "lived"


@app.task(name="tasks.slow")
def slow(path, seconds):
    with open(path, "a") as file:
        file.write(f"{os.getpid()}\n")
    time.sleep(seconds)
    return os.getpid()


@app.task(name="tasks.soft", soft_time_limit=0.5)
def soft():
    time.sleep(5)


def note(path, text):
    """Adds a line, whole also when many processes do."""
    with open(path, "a") as file:
        file.write(f"{text}\n")


@app.task(name="tasks.record")
def record(path, key):
    note(path, key)
    return key


@app.task(name="tasks.failed")
def failed(id, *, path):
    """An errback that is given the id alone, whoever has failed."""
    note(path, f"failed {id}")


@app.task(name="tasks.on_error")
def on_error(request, exc, traceback, *, path):
    """An errback as Celery's manual has it."""
    note(path, f"on_error {request.id} {exc!r}")


@app.task(name="tasks.report")
def report(request, exc=None, traceback=None, *, path):
    """An errback for failures of both languages: where TypeScript has failed it is given the id alone."""
    note(path, f"report {getattr(request, 'id', request)} {exc!r}")


@app.task(name="tasks.request", bind=True)
def request(self, *_, **__):
    """What its message says beside its arguments."""
    own = self.request
    return {
        "retries": own.retries,
        "timelimit": list(own.timelimit),
        "shadow": own.shadow,
        "priority": own.delivery_info["priority"],
        "tenant": (own.headers or {}).get("tenant"),
    }


@app.task(name="tasks.hang_once")
def hang_once(path, held=None):
    """The first time that it runs, it never ends."""
    note(path, os.getpid())
    with open(path) as file:
        runs = len(file.readlines())
    if runs == 1:
        time.sleep(600)
    return os.getpid()


@app.task(name="tasks.hold")
def hold(path, gate):
    """Runs until there is a file `gate`."""
    note(path, "held")
    while not os.path.exists(gate):
        time.sleep(0.02)


@app.task(name="old.count", serializer="pickle")
def old_count(items):
    """A task that is sent as a pickle still, beside others that are not."""
    return [type(items).__name__, len(items)]


@app.task(name="old.mark", bind=True, serializer="pickle")
def old_mark(self, order):
    """What stays in Python of a task that TypeScript runs by now: it takes what was sent as ever, and hands it on."""
    task = app.signature("ts.mark", kwargs={"marker": order.id})
    # With results by rpc: Celery would send it to this worker.
    raise self.replace(task.set(reply_to=self.request.reply_to))


@app.task(name="tasks.replaced", bind=True)
def replaced(self, value):
    """What stays in Python of another: it hands its value to TypeScript, and what follows it follows that."""
    raise self.replace(app.signature("ts.echo", (value,), queue="ts"))


@app.task(name="both.which")
def which():
    """A task that both languages know."""
    time.sleep(0.02)
    return "python"

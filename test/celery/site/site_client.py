"""A Python process of the site that sends tasks: each line of its input is an expression, each line of its output the
outcome, as JSON: {"value": repr} or {"error": class, "args": repr}."""

import datetime  # noqa: F401
import decimal  # noqa: F401
import json
import math  # noqa: F401
import os
import sys
import threading
import time
import traceback
import uuid  # noqa: F401
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import site_app
from celery.backends import rpc
from celery.bin.celery import celery as celery_command
from click.testing import CliRunner
from celery import chain, chord, group, signature  # noqa: F401
from celery.result import AsyncResult
from site_app import *  # noqa: F401,F403

app = site_app.app


@contextmanager
def reconnect_on_error(self, reconnecting=getattr(rpc.ResultConsumer, "reconnect_on_error", None)):
    """Celery 5.6.3 takes each second in which no result came for a lost connection. With that one its queue goes, and
    with the queue a result that comes just then: a wait of more than a second would find it now and then, and not always.
    """
    waited = []
    with reconnecting(self):
        try:
            yield
        except TimeoutError as error:
            waited.append(error)
    if waited:
        raise waited[0]


rpc.ResultConsumer.reconnect_on_error = reconnect_on_error


def send(name, *args, **options):
    """Sends a task by its name alone. Its id."""
    return app.send_task(name, args=args, **options).id


def get(id, timeout=20):
    """The result of a task that this process sent."""
    return AsyncResult(id, app=app).get(timeout=timeout)


def call(name, *args, timeout=20, **options):
    """Sends a task and waits for its result."""
    return app.send_task(name, args=args, **options).get(timeout=timeout)


def flow(name, path, count, between=0.02, **options):
    """Sends so many tasks that record their keys, each until the broker has accepted it. How often one was refused."""
    refused = 0
    for key in range(count):
        while True:
            try:
                kwargs = {"path": path, "key": f"python {key}"}
                app.send_task(name, kwargs=kwargs, ignore_result=True, retry=False, **options)
                break
            except Exception:
                refused += 1
                time.sleep(0.1)
        time.sleep(between)
    return refused


def command(*parameters):
    """Runs `celery -A site_app` with these: what it has printed."""
    told = CliRunner().invoke(celery_command, ["-A", "site_app", *parameters])
    if told.exit_code != 0:
        raise RuntimeError(told.output) from told.exception
    return told.output


def at_once(*calls):
    """Calls all of them at the same time: what each has returned."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(lambda each: each(), calls))


def send_event(body):
    """Publishes something where events are published."""
    with app.connection_for_write() as connection:
        dispatcher = app.events.Dispatcher(connection)
        exchange = dispatcher.exchange
        dispatcher.producer.publish(
            body, routing_key="odd.one", exchange=exchange.name, declare=[exchange], serializer="json"
        )


def answer(line):
    try:
        value = eval(line, globals())
        return {"value": repr(value), "plain": value if isinstance(value, (str, int, float, bool, type(None))) else None}
    except BaseException as error:
        return {
            "error": f"{type(error).__module__}.{type(error).__qualname__}",
            "args": repr(error.args),
            "trace": traceback.format_exc(),
        }


out = threading.Lock()
print(json.dumps({"value": "ready"}), flush=True)
for line in sys.stdin:
    number, _, text = line.partition(" ")

    def work(number=number, text=text):
        told = json.dumps({"number": int(number), **answer(text)})
        with out:
            print(told, flush=True)

    work()

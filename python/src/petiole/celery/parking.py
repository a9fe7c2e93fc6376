"""What becomes of a message that cannot be decoded: its caller gets a failure, and the message is kept.

It goes to the queue ``<queue>.parked`` of the same broker, as it was. Once the class that it needs is there, it can be
moved back by hand, with a shovel or ``RPOPLPUSH``.
"""

from __future__ import annotations

import functools
import json
import logging
import time
from typing import Any, Dict

from celery import bootsteps
from celery.app.task import Context
from celery.exceptions import Ignore, Reject, Retry
from kombu.entity import Queue

from ..errors import DatabaseUnreachable
from .serializer import Undecoded, headers_of, settings

logger = logging.getLogger("petiole.celery")

#: The headers of a task, as far as Celery keeps them in a request.
_HEADERS = (
    "lang", "task", "id", "shadow", "eta", "expires", "group", "group_index", "retries", "timelimit", "root_id",
    "parent_id", "argsrepr", "kwargsrepr", "origin", "ignore_result", "replaced_task_nesting", "stamped_headers",
    "stamps", "petiole",
)  # fmt: skip


def parked_queue(queue: str) -> str:
    """The name of the queue that keeps what cannot be decoded."""
    return f"{queue}.parked"


def queue_of(app: Any, info: Dict[str, Any]) -> str:
    """The queue that a message was taken from, as far as what is known of its delivery tells."""
    exchange, key = info.get("exchange") or "", info.get("routing_key")
    for name, queue in app.amqp.queues.items():
        if exchange and queue.exchange is not None and (queue.exchange.name, queue.routing_key) == (exchange, key):
            return str(name)
    name = str(key or app.conf.task_default_queue)
    # What was moved back within Redis says still which queue had kept it.
    origin = name[: -len(parked_queue(""))]
    return origin if name == parked_queue(origin) and name not in app.amqp.queues.consume_from else name


def _queue(name: str) -> Any:
    kind: Any = Queue
    return kind(name, routing_key=name, durable=True)


def _publish(app: Any, queue: str, body: Any, headers: Dict[str, Any], **properties: Any) -> None:
    name = parked_queue(queue)
    with app.producer_or_acquire() as producer:
        producer.publish(
            body,
            exchange="",
            routing_key=name,
            serializer=None,
            compression=None,
            headers=headers,
            declare=[_queue(name)],
            delivery_mode=2,
            retry=True,
            **properties,
        )


def park(task: Any, undecoded: Undecoded) -> None:
    """Keeps the message of a task that is running."""
    request = task.request
    queue = queue_of(task.app, request.delivery_info or {})
    headers = {name: getattr(request, name, None) for name in _HEADERS}
    headers = {name: value for name, value in headers.items() if value is not None or name in ("eta", "expires")}
    headers["task"] = headers.get("task") or task.name
    headers["timelimit"] = list(headers.get("timelimit") or (None, None))
    _publish(
        task.app,
        queue,
        undecoded.text,
        headers,
        content_type="application/json",
        content_encoding="utf-8",
        correlation_id=request.correlation_id or request.id,
        reply_to=request.reply_to or "",
    )


def guard(task: Any) -> None:
    """Makes a task fail whose arguments could not be decoded, before its own code is run."""
    run = task.run
    if getattr(run, "_petiole_guard", False):
        return

    @functools.wraps(run)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and type(args[0]) is Undecoded:
            return _end(task, args[0])
        return run(*args, **kwargs)

    guarded._petiole_guard = True  # type: ignore[attr-defined]
    task.run = guarded


def _end(task: Any, undecoded: Undecoded) -> Any:
    error = undecoded.error
    # What is no fate of its own is a message that cannot be decoded here, and perhaps elsewhere, or later.
    fate = getattr(error, "fate", "park")
    request = task.request
    if fate == "skip" and not request.called_directly:
        # As a task of TypeScript's that is skipped: revoked, with the reason.
        task.backend.mark_as_revoked(
            request.id, reason=str(error), request=request, store_result=not request.ignore_result
        )
        raise Ignore(str(error)) from error
    if fate == "wait" and not request.called_directly and not request.is_eager:
        _again(task, error)
    if fate == "park" and settings().park and not request.called_directly and not request.is_eager:
        try:
            park(task, undecoded)
        except Exception as failure:
            if task.acks_late:
                logger.exception("The message of task %s could not be kept: it is given back.", request.id)
                raise Reject(failure, requeue=True) from failure
            # It was acknowledged before it was run: the log is the last place for it.
            logger.exception("The message of task %s could not be kept. Its body: %s", request.id, undecoded.text)
            raise error from failure
        logger.error("Task %s[%s] cannot be decoded, and its message was kept: %s", task.name, request.id, error)
    raise error


def _again(task: Any, error: Exception) -> None:
    """Sends the task again, for later, with the arguments as they came; returns when it has waited for long enough.

    No attempt is counted. A database that cannot be asked is waited for as long as it takes.
    """
    request = task.request
    said = headers_of(getattr(request, "petiole", None))
    now = int(time.time() * 1000)
    count = said["deferrals"] if isinstance(said.get("deferrals"), int) else 0
    since = said["deferredAt"] if isinstance(said.get("deferredAt"), int) else now
    is_unreachable = isinstance(error, DatabaseUnreachable)
    if not is_unreachable and now - since >= settings().wait_for * 1000:
        return
    delay = min(30.0, 0.5 * 2 ** min(count, 6)) if is_unreachable else min(10.0, 0.1 * 2 ** min(count, 7))
    said.update(deferrals=count + 1, deferredAt=since)
    signature = task.signature_from_request(request, countdown=delay, retries=request.retries)
    options = dict(signature.options)
    options["headers"] = {**(options.get("headers") or {}), "petiole": json.dumps(said)}
    task.app.send_task(signature.task, signature.args, signature.kwargs, **options)
    retry = Retry(str(error), error, delay)
    retry.sig = signature
    raise retry


class Parking(bootsteps.Step):  # type: ignore[misc]
    """Keeps messages that are no JSON, or of a content type that is not accepted, before Celery drops them."""

    requires = ()

    def __init__(self, parent: Any, **_options: Any) -> None:
        super().__init__(parent)
        dropping = parent.on_decode_error

        def on_decode_error(message: Any, error: Exception) -> None:
            if keep(parent.app, message, error):
                dropping(message, error)

        refusing = parent.on_invalid_task

        def on_invalid_task(body: Any, message: Any, error: Exception) -> None:
            if keep(parent.app, message, error):
                refusing(body, message, error)

        parent.on_decode_error = on_decode_error
        parent.on_invalid_task = on_invalid_task


def keep(app: Any, message: Any, error: Exception) -> bool:
    """Keeps a raw message and fails its task; False when it was given back, for it could not be kept."""
    headers = dict(message.headers or {})
    info = message.delivery_info or {}
    if not info.get("routing_key") or "pidbox" in str(info.get("exchange", "")):
        return True
    queue = queue_of(app, info)
    # Its body is not compressed any more.
    headers.pop("compression", None)
    properties = message.properties or {}
    try:
        _publish(
            app,
            queue,
            message.body,
            headers,
            content_type=message.content_type or "application/octet-stream",
            content_encoding=message.content_encoding or "binary",
            correlation_id=properties.get("correlation_id") or "",
            reply_to=properties.get("reply_to") or "",
        )
    except Exception:
        logger.exception("A message that cannot be decoded could not be kept: it is given back.")
        message.requeue()
        return False
    if isinstance(headers.get("id"), str):
        try:
            answer = {name: properties.get(name) for name in ("reply_to", "correlation_id")}
            app.backend.store_result(headers["id"], error, "FAILURE", request=Context({**headers, **answer}))
        except Exception:
            logger.exception("The failure of task %s could not be stored; its message was kept.", headers["id"])
    return True

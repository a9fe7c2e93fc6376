"""What becomes of a message that cannot be decoded: its caller gets a failure, and the message is kept.

It goes to the queue ``<queue>.parked`` of the same broker, as it was. Once the class that it needs is there, it can be
moved back by hand, with a shovel or ``RPOPLPUSH``.
"""

from __future__ import annotations

import functools
import json
import logging
import time
from typing import Any, Callable, Dict

from celery import bootsteps, signals
from celery.app.task import Context
from celery.exceptions import Ignore, Reject, Retry
from kombu.compression import compress
from kombu.entity import Queue

from ..errors import DatabaseUnreachable
from .receiving import check, embed_of
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
    queues = dict(app.amqp.queues)
    of_exchange = {
        str(name): queue.routing_key
        for name, queue in queues.items()
        if exchange and queue.exchange is not None and queue.exchange.name == exchange
    }
    for name, bound in of_exchange.items():
        if bound == key:
            return name
    if key and not (len(of_exchange) == 1 and queues[next(iter(of_exchange))].exchange.type == "fanout"):
        # What was moved back within Redis says still which queue had kept it.
        origin = str(key)[: -len(parked_queue(""))]
        return origin if key == parked_queue(origin) and key not in app.amqp.queues.consume_from else str(key)
    # An exchange that asks for no key.
    taken = list(of_exchange) or [str(name) for name in app.amqp.queues.consume_from]
    return taken[0] if len(taken) == 1 else str(app.conf.task_default_queue)


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
        if not request.is_eager:
            task.backend.mark_as_revoked(
                request.id, reason=str(error), request=request, store_result=not request.ignore_result
            )
        raise Ignore(str(error)) from error
    if fate == "wait" and not request.called_directly and not request.is_eager:
        _again(task, undecoded)
    if fate == "park" and settings().park and not request.called_directly and not request.is_eager:
        _hand_over(task, undecoded, lambda: park(task, undecoded))
        logger.error("Task %s[%s] cannot be decoded, and its message was kept: %s", task.name, request.id, error)
    raise error


def _hand_over(task: Any, undecoded: Undecoded, send: Callable[[], Any]) -> None:
    """Gives what came to the broker, which has it no more once the task ends."""
    try:
        send()
    except Exception as failure:
        if task.acks_late:
            logger.exception("The broker does not take the message of task %s: it is given back.", task.request.id)
            raise Reject(failure, requeue=True) from failure
        # It was acknowledged before it was run: the log is the last place for it.
        logger.exception(
            "The broker does not take the message of task %s. Its body: %s", task.request.id, undecoded.text
        )
        raise undecoded.error from failure


def _again(task: Any, undecoded: Undecoded) -> None:
    """Sends the task again, for later, with the arguments as they came; returns when it has waited for long enough.

    No attempt is counted. A database that cannot be asked is waited for as long as it takes, and that time is none of
    those that a missing row is waited for.
    """
    error, request = undecoded.error, task.request
    said = headers_of(getattr(request, "petiole", None))
    now = int(time.time() * 1000)
    count = min(max(_number(said, "deferrals", 0), 0), 1_000_000)
    if isinstance(error, DatabaseUnreachable):
        delay = min(30.0, 0.5 * 2 ** min(count, 6))
        if "missingSince" in said:
            said["missingFor"] = now - _number(said, "missingSince", now)
            del said["missingSince"]
    else:
        since = _number(said, "missingSince", now - _number(said, "missingFor", 0))
        left = settings().wait_for - (now - since) / 1000
        if left <= 0:
            return
        delay = min(10.0, 0.1 * 2 ** min(count, 7), left)
        said["missingSince"] = since
    said.update(deferrals=count + 1, deferredAt=_number(said, "deferredAt", now))
    signature = task.signature_from_request(request, countdown=delay, retries=request.retries)
    options = dict(signature.options)
    options["headers"] = {**(options.get("headers") or {}), "petiole": json.dumps(said)}
    args, kwargs = signature.args, signature.kwargs
    _hand_over(task, undecoded, lambda: task.app.send_task(signature.task, args, kwargs, **options))
    retry = Retry(str(error), error, delay)
    retry.sig = signature
    raise retry


def _number(said: Dict[str, Any], name: str, instead: int) -> int:
    """A time or a count of a header, which may be anybody's."""
    value = said.get(name)
    return value if type(value) is int and abs(value) < 2**53 else instead


#: What Celery raises where a message is not as it takes it, all that :func:`check` may have missed.
_FLAWS = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError)


class Receiving(bootsteps.Step):  # type: ignore[misc]
    """Settles messages that are no tasks, no JSON, or of a content type that is not accepted, before Celery drops
    them, or before its worker ends by them.
    """

    requires = ()

    def __init__(self, parent: Any, **_options: Any) -> None:
        super().__init__(parent)
        dropping = parent.on_decode_error

        def on_decode_error(message: Any, error: Exception) -> None:
            if settle(parent.app, message, error):
                dropping(message, error)

        refusing = parent.on_invalid_task

        def on_invalid_task(body: Any, message: Any, error: Exception) -> None:
            if settle(parent.app, message, error):
                refusing(body, message, error)

        handling = parent.create_task_handler

        def create_task_handler(*args: Any, **options: Any) -> Any:
            # Only a worker has it.
            from celery.worker import state

            take = handling(*args, **options)

            def on_task_received(message: Any) -> Any:
                try:
                    check(message)
                except _FLAWS as error:
                    return refuse(parent, message, error)
                try:
                    return take(message)
                except _FLAWS as error:
                    if isinstance(error, (*parent.connection_errors, *parent.channel_errors)):
                        raise
                    if (message.headers or {}).get("id") in state.requests:
                        # It is not about receiving it any more: the pool has it.
                        raise
                    return refuse(parent, message, error)

            return on_task_received

        parent.on_decode_error = on_decode_error
        parent.on_invalid_task = on_invalid_task
        parent.create_task_handler = create_task_handler


def refuse(consumer: Any, message: Any, error: Exception) -> None:
    """Takes a message out of the way that is no task."""
    logger.error("A message is no task that can be run: %s", error)
    if message.acknowledged or not settle(consumer.app, message, error):
        return
    message.reject_log_error(logger, consumer.connection_errors)
    signals.task_rejected.send(sender=consumer, message=message, exc=error)


def settle(app: Any, message: Any, error: Exception) -> bool:
    """Keeps a raw message and fails its task; False when it was given back, for it could not be kept."""
    info = message.delivery_info or {}
    if "pidbox" in str(info.get("exchange") or ""):
        return True
    if settings().park:
        try:
            keep(app, message, queue_of(app, info))
        except Exception:
            logger.exception("A message that cannot be decoded could not be kept: it is given back.")
            message.requeue()
            return False
    _tell(app, message, error)
    return True


def keep(app: Any, message: Any, queue: str) -> None:
    """Keeps a raw message, as it came."""
    headers = dict(message.headers or {})
    body = message.body
    body = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else bytes(body or b"")
    if headers.get("compression") and not message.errors:
        # Its body is not compressed any more.
        body, headers["compression"] = compress(body, headers["compression"])
    properties = message.properties or {}
    _publish(
        app,
        queue,
        body,
        headers,
        content_type=_text_or(message.content_type, "application/octet-stream"),
        content_encoding=_text_or(message.content_encoding, "binary"),
        correlation_id=_text_or(properties.get("correlation_id"), ""),
        reply_to=_text_or(properties.get("reply_to"), ""),
    )


def _text_or(value: Any, instead: str) -> str:
    return value if isinstance(value, str) and value else instead


def _tell(app: Any, message: Any, error: Exception) -> None:
    """Fails the task of a raw message, where it says of which it is."""
    headers = message.headers or {}
    identity = headers.get("id")
    if not isinstance(identity, str) or not identity:
        return
    properties = message.properties or {}
    answer = {name: properties.get(name) for name in ("reply_to", "correlation_id")}
    embed = embed_of(message)
    try:
        request = Context({**headers, **answer, **embed})
        if embed:
            # Its chord, the rest of its chain and its errbacks, too.
            app.backend.mark_as_failure(identity, error, request=request)
        else:
            app.backend.store_result(identity, error, "FAILURE", request=request)
    except Exception:
        logger.exception("The failure of task %s could not be stored.", identity)
